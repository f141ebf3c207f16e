"""What a server says of itself over gRPC's reflection."""

from collections.abc import Sequence

import grpc
from google.protobuf import descriptor_pb2
from grpc_reflection.v1alpha import reflection_pb2


def reflect(channel: grpc.Channel, version: str, **asked: str) -> reflection_pb2.ServerReflectionResponse:
    """`version`: v1 or v1alpha, whose messages are the same."""
    method = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    return next(method(iter([reflection_pb2.ServerReflectionRequest(**asked)]), timeout=60))


def services_of(channel: grpc.Channel, version: str) -> set[str]:
    return {service.name for service in reflect(channel, version, list_services="").list_services_response.service}


def files_of(channel: grpc.Channel, version: str, symbol: str) -> Sequence[descriptor_pb2.FileDescriptorProto]:
    """Those that define it."""
    answer = reflect(channel, version, file_containing_symbol=symbol)
    return [
        descriptor_pb2.FileDescriptorProto.FromString(file)
        for file in answer.file_descriptor_response.file_descriptor_proto
    ]
