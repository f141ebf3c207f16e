"""One request on the wire: as JSON, as JSON with binary tensors, and as the message of gRPC."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tritonclient.grpc.service_pb2 import ModelInferRequest

from torchferry.benchmarks.load.inputs import Inputs
from torchferry.benchmarks.load.oip import binary_body, grpc_message, json_body, parse_metadata, raw_bytes
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import read_tensors

INPUTS: Inputs = {"x": np.array([[1, 2]], np.float32), "y": np.array([[7], [8]], np.uint8)}


def test_metadata_are_the_inputs() -> None:
    inputs = [{"name": "x", "datatype": "FP32", "shape": ["-1", 2]}]  # protobuf's JSON has text for int64
    found = parse_metadata({"name": "model", "inputs": inputs, "outputs": []})
    assert found == [TensorSpec(name="x", datatype="FP32", shape=(-1, 2))]


@pytest.mark.parametrize(
    "content", [{}, {"inputs": None}, {"inputs": [{}]}, {"inputs": [{"name": "x", "datatype": "FP32", "shape": ["a"]}]}]
)
def test_other_content_is_no_metadata(content: Mapping[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        parse_metadata(content)


def test_json_is_read_again_as_the_same_tensors() -> None:
    specs = [TensorSpec(name="x", datatype="FP32", shape=(-1, 2)), TensorSpec(name="y", datatype="UINT8", shape=(-1,))]
    inputs: Inputs = {"x": np.array([[0.1, 2]], np.float32), "y": np.array([7], np.uint8)}
    found, _ = read_tensors(json.loads(json_body(inputs)), specs, 1)
    for name, values in inputs.items():
        np.testing.assert_array_equal(found[name], values)


def test_json_has_texts_as_they_are() -> None:
    for texts in (np.array([["a"], ["\u00e9"]]), np.array([[b"a"], ["\u00e9".encode()]])):
        (tensor,) = json.loads(json_body({"x": texts}))["inputs"]
        assert tensor == {"name": "x", "shape": [2, 1], "datatype": "BYTES", "data": ["a", "\u00e9"]}


def test_binary_tensors_follow_the_json_whose_length_is_told() -> None:
    body, length = binary_body(INPUTS)
    head = json.loads(body[:length])
    assert body[length:] == b"\x00\x00\x80\x3f\x00\x00\x00\x40" + b"\x07\x08"
    assert [tensor["parameters"] for tensor in head["inputs"]] == [{"binary_data_size": 8}, {"binary_data_size": 2}]
    assert [tensor["shape"] for tensor in head["inputs"]] == [[1, 2], [2, 1]]
    assert head["parameters"] == {"binary_data_output": True}
    assert "data" not in head["inputs"][0]


def test_a_message_has_the_tensors_described_and_their_bytes_beside() -> None:
    found = ModelInferRequest.FromString(grpc_message("model", "3", INPUTS))
    assert (found.model_name, found.model_version) == ("model", "3")
    described = [(tensor.name, tensor.datatype, list(tensor.shape)) for tensor in found.inputs]
    assert described == [("x", "FP32", [1, 2]), ("y", "UINT8", [2, 1])]
    assert list(found.raw_input_contents) == [raw_bytes(values) for values in INPUTS.values()]


@pytest.mark.parametrize(
    ("values", "raw"),
    [
        (np.array([[1, 2], [3, 4]], ">u2"), b"\x01\x00\x02\x00\x03\x00\x04\x00"),
        (np.array([[1, 2], [3, 4]], np.uint8).T, b"\x01\x03\x02\x04"),
        (np.array([True, False]), b"\x01\x00"),
        (np.array([b"ab", b""]), b"\x02\x00\x00\x00ab\x00\x00\x00\x00"),
        (np.array(["\u00e9"]), b"\x02\x00\x00\x00\xc3\xa9"),
    ],
)
def test_raw_bytes_are_little_endian_row_by_row(values: np.ndarray, raw: bytes) -> None:
    assert raw_bytes(values) == raw
