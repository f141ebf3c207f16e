"""TorchServe's gRPC API, of which one call matters here: Predictions, bytes in and bytes out.

TorchServe's wheel has no stubs for it. Two messages are declared here with the field numbers of its inference.proto,
so that client and servers need neither generated code, nor a compiler, nor TorchServe.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, Self

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "org.pytorch.serve.grpc.inference"
SERVICE = f"{PACKAGE}.InferenceAPIsService"
METHOD = f"/{SERVICE}/Predictions"


class _Message(Protocol):
    """What both have; protobuf makes their classes and brings no types."""

    def SerializeToString(self) -> bytes: ...

    @classmethod
    def FromString(cls, serialized: bytes, /) -> Self: ...


class PredictionsRequest(_Message, Protocol):
    model_name: str
    model_version: str
    """May be empty."""
    input: Mapping[str, bytes]
    """Of which servers read `data`."""

    def __init__(
        self, *, model_name: str = ..., model_version: str = ..., input: Mapping[str, bytes] = ...
    ) -> None: ...


class PredictionResponse(_Message, Protocol):
    prediction: bytes

    def __init__(self, *, prediction: bytes = ...) -> None: ...


_FIELD = descriptor_pb2.FieldDescriptorProto


def _field(
    name: str, number: int, kind: int, label: int = _FIELD.LABEL_OPTIONAL, of: str | None = None
) -> descriptor_pb2.FieldDescriptorProto:
    return _FIELD(name=name, number=number, type=kind, label=label, type_name=of)


POOL = descriptor_pool.DescriptorPool()
"""Of its own: another package may have registered TorchServe's messages already."""


def _messages() -> dict[str, type]:
    file = descriptor_pb2.FileDescriptorProto(name="torchserve_predictions.proto", package=PACKAGE, syntax="proto3")
    request = file.message_type.add(name="PredictionsRequest")
    request.field.append(_field("model_name", 1, _FIELD.TYPE_STRING))
    request.field.append(_field("model_version", 2, _FIELD.TYPE_STRING))
    entry = f".{PACKAGE}.PredictionsRequest.InputEntry"  # what a map is on the wire
    request.field.append(_field("input", 3, _FIELD.TYPE_MESSAGE, _FIELD.LABEL_REPEATED, entry))
    pair = request.nested_type.add(name="InputEntry")
    pair.field.append(_field("key", 1, _FIELD.TYPE_STRING))
    pair.field.append(_field("value", 2, _FIELD.TYPE_BYTES))
    pair.options.map_entry = True
    file.message_type.add(name="PredictionResponse").field.append(_field("prediction", 1, _FIELD.TYPE_BYTES))
    method = file.service.add(name="InferenceAPIsService").method.add(name="Predictions")
    method.input_type, method.output_type = f".{PACKAGE}.PredictionsRequest", f".{PACKAGE}.PredictionResponse"
    POOL.Add(file)
    return message_factory.GetMessageClassesForFiles([file.name], POOL)


_CLASSES = _messages()
Request: type[PredictionsRequest] = _CLASSES[f"{PACKAGE}.PredictionsRequest"]
Response: type[PredictionResponse] = _CLASSES[f"{PACKAGE}.PredictionResponse"]


def predictions(channel: grpc.Channel) -> Callable[..., PredictionResponse]:
    """The call `Predictions(Request) -> Response`."""
    return channel.unary_unary(
        METHOD,
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=Response.FromString,
    )


def unknown_model(code: grpc.StatusCode, details: str) -> bool:
    """Whether the server means that it has no such model: TorchServe says INTERNAL, and only its text says more."""
    return code is grpc.StatusCode.NOT_FOUND or (
        code is grpc.StatusCode.INTERNAL and "ModelNotFoundException" in details
    )
