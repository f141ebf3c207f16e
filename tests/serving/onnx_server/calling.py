"""Calls over gRPC with tritonclient's stubs and messages alone."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
import numpy as np
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc

from torchferry.serving.codec.tensors import DATATYPES, DTYPES


@contextmanager
def channel(target: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(target, [("grpc.enable_http_proxy", 0)]) as opened:
        yield opened


def call(target: str, method: str, request: Any, timeout: float = 60) -> Any:
    """Of inference.GRPCInferenceService."""
    with channel(target) as opened:
        return getattr(service_pb2_grpc.GRPCInferenceServiceStub(opened), method)(request, timeout=timeout)


def infer_request(model: str, inputs: Mapping[str, np.ndarray], **fields: Any) -> Any:
    """With raw elements."""
    request = messages.ModelInferRequest(model_name=model, **fields)
    for name, values in inputs.items():
        request.inputs.add(name=name, datatype=DATATYPES[values.dtype], shape=values.shape)
        request.raw_input_contents.append(values.tobytes())
    return request


def output_arrays(response: Any) -> dict[str, np.ndarray]:
    """By name."""
    return {
        output.name: np.frombuffer(raw, DTYPES[output.datatype]).reshape(output.shape)
        for output, raw in zip(response.outputs, response.raw_output_contents, strict=True)
    }
