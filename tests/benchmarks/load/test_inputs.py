"""Inputs of a load from images, .npz files or random values, fitted to the model's tensors or refused."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from torchferry.benchmarks.load.inputs import RANDOM, files_of, random_inputs, read_inputs
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec


def spec(shape: Sequence[int], datatype: str = "FP32", name: str = "x") -> TensorSpec:
    return TensorSpec(name=name, datatype=datatype, shape=tuple(shape))


def saved(folder: Path, **arrays: np.ndarray) -> Path:
    given: dict[str, Any] = arrays
    np.savez(folder / "arrays.npz", **given)
    return folder / "arrays.npz"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Two pixels wide and one high: red and blue."""
    path = tmp_path / "picture.png"
    Image.fromarray(np.array([[[255, 0, 0], [0, 0, 255]]], np.uint8)).save(path)
    return path


def test_a_folder_is_all_its_files_in_order_but_the_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.png", "a/2.png", "a/1.png", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert files_of(tmp_path) == [tmp_path / "a/1.png", tmp_path / "a/2.png", tmp_path / "b.png"]
    assert files_of(tmp_path / "b.png") == [tmp_path / "b.png"]


@pytest.mark.parametrize(("name", "words"), [("empty", "is an empty folder"), ("missing", "missing cannot be read")])
def test_without_a_file_there_is_nothing_to_send(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=f"--input: .*{words}"):
        files_of(tmp_path / name)


@pytest.mark.parametrize(
    ("shape", "datatype", "expected"),
    [
        ((-1, 3, 1, 2), "UINT8", [[[[255, 0]], [[0, 0]], [[0, 255]]]]),
        ((-1, 3, 1, 2), "FP32", [[[[1, 0]], [[0, 0]], [[0, 1]]]]),
        ((-1, 2, 2, 3), "FP16", [[[[1, 0, 0], [0, 0, 1]]] * 2]),
    ],
)
def test_an_image_has_its_channels_and_its_range_as_the_model_takes_them(
    picture: Path, shape: Sequence[int], datatype: str, expected: object
) -> None:
    ((name, values),) = read_inputs(picture, [spec(shape, datatype)], 1)[0].items()
    dtype = {"UINT8": np.uint8, "FP32": np.float32, "FP16": np.float16}[datatype]
    assert name == "x"
    assert values.dtype == dtype
    np.testing.assert_array_equal(values, np.array(expected, dtype))


def test_an_image_is_resized_made_grey_and_repeated_for_the_batch(picture: Path) -> None:
    (inputs,) = read_inputs(picture, [spec((-1, 1, 8, 6), "UINT8")], 3)
    assert inputs["x"].shape == (3, 1, 8, 6)
    assert (inputs["x"][0] == inputs["x"][2]).all()
    (inputs,) = read_inputs(picture, [spec((-1, 1, 1, 2), "UINT8")], 1)
    assert inputs["x"].tolist() == [[[[76, 29]]]]  # 299 thousandths of red, and 114 of blue


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((-1, 2, 9, 18), [76, 255]),
        ((-1, 9, 18, 2), [76, 255]),
        ((-1, 4, 9, 18), [255, 0, 0, 255]),
        ((-1, 9, 18, 4), [255, 0, 0, 255]),
    ],
)
def test_a_model_that_takes_alpha_gets_it(picture: Path, shape: Sequence[int], expected: list[int]) -> None:
    (inputs,) = read_inputs(picture, [spec(shape, "UINT8")], 1)
    assert inputs["x"].shape == (1, *shape[1:])
    corner = inputs["x"][0][:, 0, 0] if shape[3] == 18 else inputs["x"][0][0, 0]
    np.testing.assert_allclose(corner.astype(int), expected, atol=8)  # bicubic goes a little beyond an edge


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        ([spec((-1, 4))], "the model takes no image, but x FP32"),
        ([spec((-1, 3, 8, 8), "INT64")], "the model takes no image, but x INT64"),
        ([spec((-1, 3, 8, 8)), spec((-1, 1), name="y")], r"the model has several inputs: x FP32 .*, y FP32 \[-1, 1\]"),
        ([spec((-1, 5, 8, 8))], r"an image does not fit 'x' with its shape \[-1, 5, 8, 8\]; give an .npz"),
        ([spec((-1, 3, -1, -1))], "an image does not fit 'x'"),
    ],
)
def test_a_model_that_takes_no_image_is_named_with_what_it_takes(
    picture: Path, specs: list[TensorSpec], words: str
) -> None:
    with pytest.raises(UserError, match=f"--input: .*{words}"):
        read_inputs(picture, specs, 1)


def test_a_file_that_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no image")
    with pytest.raises(UserError, match=r"text.png is no image that can be read \(cannot identify"):
        read_inputs(tmp_path, [spec((-1, 3, 8, 8))], 1)


def test_arrays_of_a_file_are_sent_as_they_are(tmp_path: Path) -> None:
    rows, texts = np.ones((5, 2), np.float32), np.array([["a"], ["bc"]])
    path = saved(tmp_path, x=rows, y=texts)
    (inputs,) = read_inputs(path, [spec((-1, 2)), spec((-1, -1), "BYTES", "y")], 1)
    np.testing.assert_array_equal(inputs["x"], rows)
    np.testing.assert_array_equal(inputs["y"], texts)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.zeros((1, 3), np.float32)}, r"'x' is float32 \[1, 3\]; the model takes FP32 \[-1, 2\], -1 being any"),
        ({"x": np.zeros((1, 2))}, r"'x' is float64 \[1, 2\]"),
        ({"x": np.zeros(2, np.float32)}, r"'x' is float32 \[2\]"),
        ({"x": np.array([["a", "b"]])}, r"'x' is <U1 \[1, 2\]"),
        ({"y": np.zeros((1, 2), np.float32)}, "holds y; the model takes x"),
        ({"x": np.zeros((1, 2), np.float32), "y": np.zeros(1)}, "holds x, y; the model takes x"),
        ({}, "holds nothing; the model takes x"),
        ({"x": np.array([["a"]], object)}, "is not an .npz of plain arrays"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(UserError, match=f"--input: .*arrays.npz.*{words}"):
        read_inputs(saved(tmp_path, **arrays), [spec((-1, 2))], 1)


@pytest.mark.parametrize("content", [b"", b"no zip"])
def test_a_damaged_file_of_arrays_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"x.npz is not an .npz of plain arrays \("):
        read_inputs(tmp_path, [spec((-1, 2))], 1)


@pytest.mark.parametrize(
    ("datatype", "least", "most"), [("FP32", 0, 1), ("FP64", 0, 1), ("UINT8", 0, 255), ("INT64", 0, 1)]
)
def test_random_requests_differ_and_are_the_same_in_every_run(datatype: str, least: float, most: float) -> None:
    found = [inputs["x"] for inputs in random_inputs([spec((-1, 3, 64), datatype)], 5)]
    again = [inputs["x"] for inputs in random_inputs([spec((-1, 3, 64), datatype)], 5)]
    assert len(found) == RANDOM
    assert {values.shape for values in found} == {(5, 3, 64)}
    assert len({values.tobytes() for values in found}) == RANDOM
    np.testing.assert_array_equal(found, again)
    assert np.round(np.min(found)) == least
    assert np.round(np.max(found)) == most
    assert least <= np.min(found) <= np.max(found) <= most


def test_a_batch_that_is_fixed_stays_so() -> None:
    assert random_inputs([spec((2, 3))], 5)[0]["x"].shape == (2, 3)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (spec((-1, 2), "BYTES"), "no random BYTES for 'x'; give an .npz with an array of that name"),
        (spec((-1, -1)), r"'x' has the shape \[-1, -1\], whose sizes are open; give an .npz"),
    ],
)
def test_what_cannot_be_made_up_is_refused(wanted: TensorSpec, words: str) -> None:
    with pytest.raises(UserError, match=f"--input: {words}"):
        random_inputs([wanted], 1)
