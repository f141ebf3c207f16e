"""Compares the types in interfaces.py with the real messages and grpc.aio's objects; mypy cannot see a difference."""

from typing import Any, get_origin, get_type_hints

import grpc
import pygrpc_native.aio
import pytest
from tritonclient.grpc import service_pb2 as messages

from torchferry.serving.codec import predictions_grpc
from torchferry.serving.onnx_server.grpc import interfaces
from torchferry.serving.onnx_server.grpc.messages import CONTENTS

BY_NAME_AND_VERSION = ("ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics")
MESSAGES: list[tuple[type, Any]] = [
    (interfaces.Parameter, messages.InferParameter),
    (interfaces.Contents, messages.InferTensorContents),
    (interfaces.InputTensor, messages.ModelInferRequest.InferInputTensor),
    (interfaces.RequestedOutput, messages.ModelInferRequest.InferRequestedOutputTensor),
    (interfaces.InferRequest, messages.ModelInferRequest),
    (interfaces.InferResponse, messages.ModelInferResponse),
    (interfaces.StreamResponse, messages.ModelStreamInferResponse),
    *((interfaces.ModelRequest, getattr(messages, f"{name}Request")) for name in BY_NAME_AND_VERSION),
    (interfaces.IndexRequest, messages.RepositoryIndexRequest),
    (predictions_grpc.PredictionsRequest, predictions_grpc.Request),
    (predictions_grpc.PredictionResponse, predictions_grpc.Response),
]
OBJECTS = [
    (interfaces.Context, grpc.aio.ServicerContext),
    (interfaces.Server, grpc.aio.Server),
    (interfaces.Server, pygrpc_native.aio.Server),
    (interfaces.OutputTensors, type(messages.ModelInferResponse().outputs)),
    (interfaces.ParsingHandler, grpc.unary_unary_rpc_method_handler(None)),
]


def named(interface: type) -> set[str]:
    """Fields and methods."""
    methods = {name for name in vars(interface) if callable(getattr(interface, name)) and not name.startswith("_")}
    return methods | set(get_type_hints(interface))


def missing(interface: type, real: Any) -> list[str]:
    return sorted(name for name in named(interface) if not hasattr(real, name))


def test_every_interface_is_compared_and_names_something() -> None:
    ours = {each for each in vars(interfaces).values() if getattr(each, "__module__", "") == interfaces.__name__}
    compared = {interface for interface, _ in [*MESSAGES, *OBJECTS]}
    assert {each for each in ours if isinstance(each, type)} - {interfaces.Handler, interfaces.CallDetails} <= compared
    assert all(named(interface) for interface in compared)


@pytest.mark.parametrize(("interface", "made"), MESSAGES)
def test_a_message_has_the_fields_and_they_are_of_the_types(interface: type, made: Any) -> None:
    empty = made()
    assert missing(interface, empty) == []
    for name, hint in get_type_hints(interface).items():
        kind = get_origin(hint) or hint
        ours = kind.__module__ == interfaces.__name__
        assert ours or isinstance(getattr(empty, name), kind), name


@pytest.mark.parametrize(("interface", "real"), OBJECTS)
def test_an_object_of_the_library_has_what_is_used_of_it(interface: type, real: Any) -> None:
    assert missing(interface, real) == []


def test_the_details_of_a_call_are_the_librarys() -> None:
    assert named(interfaces.CallDetails) <= set(get_type_hints(grpc.HandlerCallDetails))


def test_typed_contents_are_read_from_the_fields_that_there_are() -> None:
    assert set(CONTENTS.values()) == named(interfaces.Contents)
