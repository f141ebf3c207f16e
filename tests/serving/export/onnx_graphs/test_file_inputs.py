"""What a file's inputs are for a server."""

from pathlib import Path

import numpy as np
import pytest

from torchferry.errors import UserError
from torchferry.serving.export.external.input_spec import GivenInput, read_input
from torchferry.serving.export.onnx_graphs.file_inputs import by_value, given_inputs, sized
from torchferry.serving.export.onnx_graphs.onnx_file import Value
from torchferry.training.data.source import ImageInput, TensorInput

PATH = Path("net.onnx")
PICTURE = Value("image:0", np.dtype(np.float32), ("N", 3, "h", "w"))
IDS = Value("ids", np.dtype(np.int64), ("N", "length"))


def said(text: str) -> GivenInput:
    return read_input(text, 0, {})


def test_sizes_that_vary_are_said_or_refused() -> None:
    assert sized(PICTURE, said("image:32"), PATH).sizes == ("N", 3, 32, 32)
    assert sized(IDS, said("ids=tensor:INT64:7"), PATH).sizes == ("N", 7)
    with pytest.raises(UserError, match=r"axis 1 of its input 'ids' varies \(length\), .* ids=tensor:INT64:\[length=1"):
        sized(IDS, None, PATH)


def test_bounds_that_are_said_stay_an_axis_that_varies() -> None:
    given = said("ids=tensor:INT64:[tokens=1..64]")
    value = sized(IDS, given, PATH)
    assert value.sizes == ("N", "tokens")
    ((made,), _) = given_inputs([value], [("tokens",)], {"ids": given})
    assert (made.of.shape, [axis.name for axis in made.axes]) == ((-1,), ["tokens"])
    with pytest.raises(UserError, match="does not fit 'ids' in net"):
        sized(Value("ids", np.dtype(np.int64), ("N", 7)), given, PATH)


def test_a_graph_that_says_no_sizes_takes_those_that_are_said() -> None:
    value = Value("x", np.dtype(np.float32), None)
    assert sized(value, said("tensor:FP32:3x4"), PATH).sizes == ("", 3, 4)
    with pytest.raises(UserError, match="does not say how many axes its input 'x' has"):
        sized(value, None, PATH)


def test_a_sample_of_all_axes_is_taken_where_there_is_no_batch() -> None:
    assert sized(Value("x", np.dtype(np.float32), (3, 4)), said("tensor:FP32:3x4"), PATH).sizes == (3, 4)
    assert sized(Value("x", np.dtype(np.float32), ()), said("tensor:FP32"), PATH).sizes == ()


def test_a_picture_in_tensorflows_order_fits() -> None:
    value = Value("x", np.dtype(np.float32), ("N", 32, 32, 3))
    assert sized(value, said("image:32"), PATH).sizes == ("N", 32, 32, 3)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image:L:32", r"'image:L:32' does not fit 'image:0' in net.onnx, which is \[N, 3, h, w\]"),
        ("tensor:INT64:3x4x4", "'tensor:INT64:3x4x4' is INT64, and 'image:0' in net.onnx is FP32"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        sized(PICTURE, said(text), PATH)


def test_sizes_that_no_sample_has_are_refused() -> None:
    with pytest.raises(UserError, match=r"net.onnx: its input 'x' is \[N, \d+\], 2 GB or more, which no server takes"):
        sized(Value("x", np.dtype(np.float32), ("N", 2**40)), None, PATH)


def test_a_sample_may_have_no_elements() -> None:
    value = Value("x", np.dtype(np.float32), ("N", 0))
    assert sized(value, None, PATH) is value


def test_inputs_are_named_as_the_graph_names_them() -> None:
    found = by_value([PICTURE, IDS], [said("image_0=image:8"), said("ids=tensor:INT64:7")], PATH)
    assert list(found) == ["image:0", "ids"]
    for texts, words in (
        (["image:8"], "'image:8' has no name, and net.onnx takes image:0, ids; say image_0=image:8"),
        (["idz=tensor:INT64:7"], "net.onnx has no input 'idz'; did you mean ids?"),
        (["ids=tensor:INT64:7", "ids=tensor:INT64:8"], "'ids' is given twice"),
    ):
        with pytest.raises(UserError, match=words):
            by_value([PICTURE, IDS], [said(text) for text in texts], PATH)


def test_inputs_have_legal_names_and_their_datatypes(capsys: pytest.CaptureFixture[str]) -> None:
    pixels = Value("pixels", np.dtype(np.uint8), ("N", 8, 8, 3))
    inputs, lines = given_inputs([PICTURE, IDS, pixels], [(3, 8, 8), (7,), (8, 8, 3)], {"pixels": said("image:8")})
    assert [each.name for each in inputs] == ["image_0", "ids", "pixels"]
    assert inputs[0].of == TensorInput(shape=(3, 8, 8))
    assert inputs[1].of == TensorInput(shape=(7,), datatype="int64")
    assert isinstance(inputs[2].of, ImageInput)
    assert (inputs[2].of.mean, inputs[2].of.std) == ((0.0,) * 3, (1 / 255,) * 3)
    assert "'pixels' takes pixels as they are, UINT8 of 0 to 255" in capsys.readouterr().out
    assert [line.startswith("--model: its input 'image:0' is called image_0") for line in lines] == [True]


@pytest.mark.parametrize("dtype", [np.int8, np.bool_])
def test_numbers_that_cannot_be_pixels_are_refused(dtype: type[np.generic]) -> None:
    value = Value("x", np.dtype(dtype), ("N", 3, 8, 8))
    with pytest.raises(
        UserError, match=r"--input: 'x' is .*, which does not hold pixels of 0 to 255; say it as a tens"
    ):
        given_inputs([value], [(3, 8, 8)], {"x": said("image:8")})
