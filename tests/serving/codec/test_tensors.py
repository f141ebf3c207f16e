import json

import numpy as np
import pytest
import torch

from torchferry.contract.axes import Axis
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import (
    dtype_of,
    from_raw,
    from_raw_alone,
    read_tensors,
    said_datatype,
    to_raw,
    write_tensors,
)
from torchferry.serving.errors import NotDecodable, TooLarge, WrongTensor

SPECS = [TensorSpec(name="x", datatype="UINT8", shape=(-1, 2))]


def content(**change: object) -> dict[str, object]:
    return {"inputs": [{"name": "x", "shape": [2, 2], "datatype": "UINT8", "data": [1, 2, 3, 4]} | change]}


def test_flat_and_nested_data_become_the_array() -> None:
    for data in ([1, 2, 3, 4], [[1, 2], [3, 4]]):
        array = read_tensors(content(data=data), SPECS, 2)[0]["x"]
        np.testing.assert_array_equal(array, np.array([[1, 2], [3, 4]], dtype=np.uint8))
        assert array.dtype == np.uint8


def test_what_is_written_is_read_again() -> None:
    arrays = {"x": np.array([[0, 255]], dtype=np.uint8)}
    written = json.dumps(write_tensors(arrays, "inputs"))
    np.testing.assert_array_equal(read_tensors(json.loads(written), SPECS, 2)[0]["x"], arrays["x"])


@pytest.mark.parametrize("other", [None, 3, [], {}, {"inputs": 3}, {"inputs": [{}]}, {"inputs": [3]}])
def test_json_of_another_form_is_not_decodable(other: object) -> None:
    with pytest.raises(NotDecodable):
        read_tensors(other, SPECS, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "y"}, "inputs are 'y'; the model takes 'x'"),
        ({"datatype": "FP32"}, "datatype FP32; the model takes UINT8"),
        ({"shape": [2, 3]}, r"shape \[2, 3\]"),
        ({"shape": [4]}, r"shape \[4\]"),
        ({"shape": [-1, 2]}, "shape"),
        ({"shape": [0, 2], "data": []}, "shape"),
        ({"shape": "2,2"}, "shape"),
        ({"shape": [True, 2]}, "shape"),
        ({"shape": [2.0, 2]}, "shape"),
        ({"data": [1, 2, 3]}, "data"),
        ({"data": ["a", "b", "c", "d"]}, "data"),
        ({"data": [[1, 2], [3]]}, "data"),
        ({"data": {"a": 1}}, "data"),
        ({"data": [1, 2, 3, 256]}, r"outside 0..255"),
        ({"data": [1, 2, 3, -1]}, r"outside 0..255"),
        ({"data": [1, 2, 3, 10**30]}, "data|outside"),
        ({"data": [1, 2, 3, None]}, "data"),
        ({"data": [1, 2, 3, 1.5]}, "data"),
    ],
)
def test_a_wrong_tensor_is_refused_with_what_would_be_right(change: dict[str, object], words: str) -> None:
    with pytest.raises(WrongTensor, match=words):
        read_tensors(content(**change), SPECS, 2)


def test_a_shape_of_more_elements_than_are_allowed_is_too_large() -> None:
    with pytest.raises(TooLarge, match="2,000,000,000,000 elements"):
        read_tensors(content(shape=[10**12, 2]), SPECS, 2)


@pytest.mark.parametrize("datatype", ["BOOL", "INT64", "UINT8", "FP16", "BF16"])
@pytest.mark.parametrize("data", [[], [[], []]])
def test_a_tensor_without_elements(datatype: str, data: object) -> None:
    spec = TensorSpec(name="x", datatype=datatype, shape=(-1, 0))
    tensor = {"name": "x", "shape": [2, 0], "datatype": datatype, "data": data}
    found = read_tensors({"inputs": [tensor]}, [spec], 2)[0]["x"]
    assert (found.shape, found.dtype) == ((2, 0), dtype_of(datatype))
    np.testing.assert_array_equal(from_raw(b"", [2, 0], spec), found)
    with pytest.raises(WrongTensor, match="a sample of 'x' has no elements"):
        from_raw_alone(b"", [spec])
    with pytest.raises(WrongTensor, match=r"'x' has shape \[0, 0\]"):
        read_tensors({"inputs": [tensor | {"shape": [0, 0]}]}, [spec], 2)


def test_numbers_beyond_bfloat16_are_refused() -> None:
    """And none of those that are taken is infinite as bfloat16, to the nearest."""
    spec = TensorSpec(name="x", datatype="BF16", shape=(-1, 1))
    largest = 255 / 128 * 2.0**127
    for number in (largest, -largest, largest * (1 + 2**-10)):
        tensor = {"name": "x", "shape": [1, 1], "datatype": "BF16", "data": [number]}
        found = read_tensors({"inputs": [tensor]}, [spec], 1)[0]["x"]
        assert torch.from_numpy(found).bfloat16().isfinite().all()
        with pytest.raises(WrongTensor, match="the range of BF16"):
            read_tensors({"inputs": [tensor | {"data": [number * (1 + 2**-8)]}]}, [spec], 1)


def test_bfloat16_is_the_upper_half_of_float32() -> None:
    spec = TensorSpec(name="x", datatype="BF16", shape=(-1, 2))
    raw = b"\x80\x3f\x20\xc0"
    found = from_raw(raw, [1, 2], spec)
    assert found.tolist() == [[1.0, -2.5]]
    assert to_raw(found, "BF16") == raw
    assert said_datatype(found, "BF16") == "BF16"
    assert said_datatype(found, "FP32") == "FP32"
    with pytest.raises(WrongTensor, match=r"'x' has 3 bytes; BF16 of shape \[1, 2\] has 4"):
        from_raw(raw[:3], [1, 2], spec)


TOKENS = Axis(at=1, name="tokens", least=2, most=4)
VARYING = [TensorSpec(name=name, datatype="INT64", shape=(-1, -1), axes=(TOKENS,)) for name in ("ids", "mask")]


def of_tokens(**counts: int) -> dict[str, object]:
    return {
        "inputs": [
            {"name": name, "shape": [1, count], "datatype": "INT64", "data": [0] * count}
            for name, count in counts.items()
        ]
    }


def test_an_axis_that_varies_has_bounds_which_a_refusal_says() -> None:
    for count in (2, 4):
        assert read_tensors(of_tokens(ids=count), VARYING[:1], 2)[0]["ids"].shape == (1, count)
    with pytest.raises(WrongTensor, match="'ids' has 5 tokens; the model takes 2 to 4"):
        read_tensors(of_tokens(ids=5), VARYING[:1], 2)
    with pytest.raises(WrongTensor, match=r"takes \[-1, -1\], -1 being the batch and tokens \(2 to 4\)"):
        read_tensors(content(name="ids", datatype="INT64", shape=[4]), VARYING[:1], 2)


def test_inputs_that_share_an_axis_have_one_size_there() -> None:
    assert len(read_tensors(of_tokens(ids=3, mask=3), VARYING, 2)[0]) == 2
    with pytest.raises(WrongTensor, match="'mask' has 4 tokens, and 'ids' has 3"):
        read_tensors(of_tokens(ids=3, mask=4), VARYING, 2)


def test_raw_elements_alone_do_not_say_a_size_that_varies() -> None:
    with pytest.raises(WrongTensor, match="elements does not say how many tokens 'ids' has"):
        from_raw_alone(bytes(32), VARYING[:1])
