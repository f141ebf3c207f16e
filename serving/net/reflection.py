"""gRPC's server reflection, v1 and v1alpha, of services whose messages lie in several descriptor pools.

grpcio-reflection brings v1alpha alone. v1 is the same messages under another name, and newer clients ask for it first.
"""

from collections.abc import Callable, Sequence
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from grpc_reflection.v1alpha import reflection, reflection_pb2

OLD, NEW = "grpc.reflection.v1alpha", "grpc.reflection.v1"
NAMES = tuple(f"{package}.ServerReflection" for package in (NEW, OLD))


def add_reflection(services: Sequence[str], server: grpc.aio.Server, *pools: Any) -> None:
    """Tell of `services` and of reflection itself; `pools` are asked in order, and then protobuf's default one."""
    servicer = reflection.aio.ReflectionServicer(
        (*services, *NAMES), _Pools(*pools, descriptor_pool.Default(), _newer())
    )
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    for name in NAMES:  # as generated code does it
        methods = {"ServerReflectionInfo": method}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, methods),))
        server.add_registered_method_handlers(name, methods)


def _newer() -> descriptor_pool.DescriptorPool:
    """With the file of v1."""
    file = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    text = text_format.MessageToString(file).replace(OLD, NEW).replace("v1alpha", "v1")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(text_format.Parse(text, descriptor_pb2.FileDescriptorProto()))
    return pool


class _Pools:
    """What reflection asks of a pool; it answers a KeyError with NOT_FOUND."""

    def __init__(self, *pools: Any) -> None:
        self.pools = pools

    def FindFileByName(self, name: str) -> Any:
        return self._found(lambda pool: pool.FindFileByName(name), name)

    def FindFileContainingSymbol(self, symbol: str) -> Any:
        return self._found(lambda pool: pool.FindFileContainingSymbol(symbol), symbol)

    def FindMessageTypeByName(self, name: str) -> Any:
        return self._found(lambda pool: pool.FindMessageTypeByName(name), name)

    def FindExtensionByNumber(self, message: Any, number: int) -> Any:
        return self._found(lambda pool: pool.FindExtensionByNumber(message, number), str(number))

    def FindAllExtensions(self, message: Any) -> Any:
        return self._found(lambda pool: pool.FindAllExtensions(message), message.full_name)

    def _found(self, find: Callable[[Any], Any], name: str) -> Any:
        for pool in self.pools:
            try:
                return find(pool)
            except KeyError:
                continue
        raise KeyError(name)
