"""The classification extension: the best classes instead of all the numbers, over each protocol."""

import json
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from tests.serving.onnx_server.asking import LENGTH, ask, tensor
from tests.serving.onnx_server.calling import call, infer_request
from tests.some import some
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.codec.strings import raw_elements
from torchferry.serving.codec.tensors import DTYPES

INFER = "/v2/models/digits/infer"
TWO_BEST = {"name": "probabilities", "parameters": {"classification": 2}}


@pytest.fixture(scope="module")
def images(bundle: Path) -> np.ndarray:
    return bundles.load(bundle).golden()[0]["image"]


@pytest.fixture(scope="module")
def best(several: dict[str, str], images: np.ndarray) -> list[str]:
    """What each sample's two best classes are said to be."""
    answer = ask(several["rest"], INFER, {"inputs": [tensor("image", images)], "outputs": [TWO_BEST]})
    assert answer.status == 200, answer.body
    (output,) = answer.json["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [len(images), 2])
    return list(output["data"])


def test_each_is_value_index_and_label(best: list[str], bundle: Path) -> None:
    loaded = bundles.load(bundle)
    expected = loaded.golden()[1]["probabilities"]
    for number, text in enumerate(some(best)):
        row, (value, index, label) = expected[number // 2], text.split(":")
        assert int(index) == np.argsort(-row)[number % 2]
        assert float(value) == pytest.approx(row[int(index)], abs=1e-5)
        assert label == loaded.labels[int(index)]


def test_the_same_as_raw_bytes(several: dict[str, str], images: np.ndarray, best: list[str]) -> None:
    raw = TWO_BEST | {"parameters": {"classification": 2, "binary_data": True}}
    answer = ask(several["rest"], INFER, {"inputs": [tensor("image", images)], "outputs": [raw]})
    length = int(answer.headers[LENGTH])
    (output,) = json.loads(answer.body[:length])["outputs"]
    assert output["parameters"]["binary_data_size"] == len(answer.body) - length
    assert [each.decode() for each in raw_elements(answer.body[length:], "", 99)] == best


def test_the_same_over_grpc(several: dict[str, str], images: np.ndarray, best: list[str]) -> None:
    request = infer_request("digits", {"image": images})
    request.outputs.add(name="probabilities").parameters["classification"].int64_param = 2
    response = call(several["grpc"], "ModelInfer", request)
    assert (response.outputs[0].datatype, list(response.outputs[0].shape)) == ("BYTES", [len(images), 2])
    assert [each.decode() for each in raw_elements(response.raw_output_contents[0], "", 99)] == best


def test_more_classes_than_there_are_gives_all(several: dict[str, str], images: np.ndarray) -> None:
    asked = {"inputs": [tensor("image", images)], "outputs": [TWO_BEST | {"parameters": {"classification": 99}}]}
    (output,) = ask(several["rest"], INFER, asked).json["outputs"]
    assert output["shape"] == [len(images), 10]


def test_outputs_without_labels_have_only_value_and_index(several: dict[str, str]) -> None:
    row = np.array([[5, 7, 6]], np.int16)
    request = infer_request("mirror", _mirror_inputs(row))
    request.outputs.add(name="out_INT16").parameters["classification"].int64_param = 2
    (raw,) = call(several["grpc"], "ModelInfer", request).raw_output_contents
    assert raw_elements(raw, "", 2) == [b"7.000000:1", b"6.000000:0"]


@pytest.mark.parametrize("classes", [0, -1, "2", True, 1.5])
def test_a_number_that_is_none(several: dict[str, str], images: np.ndarray, classes: Any) -> None:
    asked = {"inputs": [tensor("image", images)], "outputs": [TWO_BEST | {"parameters": {"classification": classes}}]}
    answer = ask(several["rest"], INFER, asked)
    assert (answer.status, "give how many classes are wanted" in answer.json["detail"]) == (422, True)
    request = infer_request("digits", {"image": images})
    request.outputs.add(name="probabilities").parameters["classification"].string_param = str(classes)
    with pytest.raises(grpc.RpcError, match="give how many classes are wanted"):
        call(several["grpc"], "ModelInfer", request)


def _mirror_inputs(row: np.ndarray) -> dict[str, np.ndarray]:
    return {f"in_{datatype}": row.astype(dtype) for datatype, dtype in DTYPES.items()}
