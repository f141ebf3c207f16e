"""Open Inference Protocol 2 on the wire: model metadata, and one request as JSON, as JSON with binary tensors, or as
the message of gRPC.

https://github.com/kserve/open-inference-protocol; binary tensors are the extension of Triton's documentation.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from torchferry.benchmarks.load.inputs import Inputs
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.tensors import DATATYPES


def parse_metadata(content: Mapping[str, Any]) -> list[TensorSpec]:
    """The inputs in a model's metadata, as REST gives it. Raises KeyError, TypeError and ValueError for others."""
    return [
        TensorSpec(name=str(spec["name"]), datatype=str(spec["datatype"]), shape=tuple(map(int, spec["shape"])))
        for spec in content["inputs"]
    ]


def json_body(inputs: Inputs) -> bytes:
    return json.dumps(
        {"inputs": [_described(*tensor) | {"data": _data(tensor[1])} for tensor in inputs.items()]}
    ).encode()


def binary_body(inputs: Inputs) -> tuple[bytes, int]:
    """The body, and the length of the JSON at its beginning, which a header has to say."""
    raw = {name: raw_bytes(values) for name, values in inputs.items()}
    head = {
        "inputs": [
            _described(name, values) | {"parameters": {"binary_data_size": len(raw[name])}}
            for name, values in inputs.items()
        ],
        "parameters": {"binary_data_output": True},
    }
    text = json.dumps(head).encode()
    return b"".join([text, *raw.values()]), len(text)


def grpc_message(model: str, version: str, inputs: Inputs) -> bytes:
    """A serialized ModelInferRequest."""
    from tritonclient.grpc.service_pb2 import ModelInferRequest

    request = ModelInferRequest(model_name=model, model_version=version)
    for name, values in inputs.items():
        tensor = _described(name, values)
        request.inputs.add(name=name, datatype=tensor["datatype"], shape=tensor["shape"])
        request.raw_input_contents.append(raw_bytes(values))
    return bytes(request.SerializeToString())


def raw_bytes(values: np.ndarray) -> bytes:
    """Little endian, row by row; a text as its length in four bytes and then itself."""
    if values.dtype.kind not in "SU":
        return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    return b"".join(struct.pack("<I", len(text)) + text for text in map(_encoded, values.ravel().tolist()))


def _described(name: str, values: np.ndarray) -> dict[str, Any]:
    datatype = "BYTES" if values.dtype.kind in "SU" else DATATYPES[values.dtype]
    return {"name": name, "shape": list(values.shape), "datatype": datatype}


def _data(values: np.ndarray) -> list[Any]:
    flat = values.ravel().tolist()
    return [_encoded(text).decode() for text in flat] if values.dtype.kind in "SU" else flat


def _encoded(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
