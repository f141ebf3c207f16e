"""Open Inference Protocol over gRPC."""

import grpc
from tritonclient.grpc import service_pb2 as messages

from torchferry.benchmarks.load.grpc_probe import call, fault, open_channel
from torchferry.benchmarks.load.inputs import random_inputs, read_inputs
from torchferry.benchmarks.load.oip import grpc_message
from torchferry.benchmarks.load.target import Asked, Target
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec

SERVICE = "/inference.GRPCInferenceService"


def target(asked: Asked) -> Target:
    with open_channel(asked.endpoint) as channel:
        try:
            return _target(asked, channel)
        except grpc.RpcError as error:
            raise fault(asked.endpoint, error) from error


def _target(asked: Asked, channel: grpc.Channel) -> Target:
    def ask(method: str, message: bytes) -> bytes:
        return call(channel, asked.endpoint, f"{SERVICE}/{method}", message, asked.timeout)

    wanted = messages.ModelMetadataRequest(name=asked.model, version=asked.version)
    told = messages.ModelMetadataResponse.FromString(ask("ModelMetadata", wanted.SerializeToString()))
    specs = [TensorSpec(name=spec.name, datatype=spec.datatype, shape=tuple(spec.shape)) for spec in told.inputs]
    if not specs:
        raise UserError(f"{asked.endpoint.url}: its metadata of {asked.model} name no input")
    inputs = read_inputs(asked.input, specs, asked.batch) if asked.input else random_inputs(specs, asked.batch)
    requests = [grpc_message(asked.model, asked.version, request) for request in inputs]
    server = messages.ServerMetadataResponse.FromString(ask("ServerMetadata", b""))
    return Target(
        endpoint=asked.endpoint,
        model=asked.model,
        protocol="grpc",
        method=f"{SERVICE}/ModelInfer",
        answer_bytes=len(ask("ModelInfer", requests[0])),
        requests=requests,
        payload_bytes=round(sum(map(len, requests)) / len(requests)),
        batch=asked.batch,
        server=f"{server.name} {server.version}".strip() or None,
    )
