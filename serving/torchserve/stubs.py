"""TorchServe's gRPC service, from the .proto files inside the installed server's jar.

The Python wheel brings no stubs; compiling them when they are needed keeps generated code out of the project.
"""

import functools
import importlib.metadata
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

from serving.errors import UserError

PROTOS = ("inference.proto", "google/rpc/status.proto", "google/protobuf/empty.proto", "google/protobuf/any.proto")
SERVICE = "org.pytorch.serve.grpc.inference.InferenceAPIsService"


def server_home() -> Path:
    """Where the installed torchserve package lies, found without importing it."""
    try:
        return Path(str(importlib.metadata.distribution("torchserve").locate_file("ts")))
    except importlib.metadata.PackageNotFoundError as error:
        raise UserError("torchserve is not installed; pip install 'torchferry[serve]'") from error


@functools.cache
def _messages() -> dict[str, type]:
    """The message classes by full name."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(server_home() / "frontend" / "model-server.jar") as jar:
            for proto in PROTOS:
                jar.extract(proto, folder)
        compiled = Path(folder, "compiled")
        if protoc.main(["protoc", f"-I{folder}", f"--descriptor_set_out={compiled}", *PROTOS]):
            raise RuntimeError(f"protoc cannot compile {', '.join(PROTOS)} of the installed TorchServe")
        files = descriptor_pb2.FileDescriptorSet.FromString(compiled.read_bytes()).file
    # A pool of its own: another package may have registered google.rpc.Status already.
    pool = descriptor_pool.DescriptorPool()
    for file in sorted(files, key=lambda file: len(file.dependency)):
        pool.Add(file)
    return message_factory.GetMessageClassesForFiles([file.name for file in files], pool)


def message(name: str, **values: Any) -> Any:
    return _messages()[f"org.pytorch.serve.grpc.inference.{name}"](**values)


def predictions(channel: grpc.Channel) -> Callable[..., Any]:
    """The call `Predictions(PredictionsRequest) -> PredictionResponse`."""
    return channel.unary_unary(
        f"/{SERVICE}/Predictions",
        request_serializer=lambda request: request.SerializeToString(),
        response_deserializer=_messages()["org.pytorch.serve.grpc.inference.PredictionResponse"].FromString,  # type: ignore[attr-defined]
    )


def unknown_model(code: grpc.StatusCode, details: str) -> bool:
    """Whether TorchServe means that it has no such model: it says INTERNAL, and only its text says more."""
    return code is grpc.StatusCode.INTERNAL and "ModelNotFoundException" in details
