"""TorchServe's own API, over REST (also spoken by other servers of ours) and over gRPC: bytes in, bytes out."""

import grpc

from torchferry.benchmarks.load.grpc_probe import call, fault, open_channel
from torchferry.benchmarks.load.http_probe import Probe, request_bytes
from torchferry.benchmarks.load.inputs import files_of, random_inputs
from torchferry.benchmarks.load.oip import json_body
from torchferry.benchmarks.load.rest import read_metadata, server_name
from torchferry.benchmarks.load.sizes import summary
from torchferry.benchmarks.load.target import Asked, Target
from torchferry.errors import UserError
from torchferry.serving.codec import predictions_grpc


def rest_target(asked: Asked) -> Target:
    probe = Probe(asked.endpoint, asked.timeout)
    path = f"/predictions/{asked.model}" + (f"/{asked.version}" if asked.version else "")
    headers = {"Content-Type": "application/octet-stream"}
    bodies, sizes = _bodies(asked, probe)
    return Target(
        endpoint=asked.endpoint,
        model=asked.model,
        protocol="predictions",
        method=None,
        answer_bytes=len(probe.post(path, bodies[0], headers)),
        requests=[request_bytes(asked.endpoint, path, body, headers) for body in bodies],
        payload_bytes=round(sum(map(len, bodies)) / len(bodies)),
        batch=1,
        server=server_name(probe),
        sizes=sizes,
    )


def grpc_target(asked: Asked) -> Target:
    bodies, sizes = _bodies(asked, None)
    words = {"model_name": asked.model, "model_version": asked.version}
    messages = [predictions_grpc.Request(**words, input={"data": body}) for body in bodies]
    requests = [message.SerializeToString() for message in messages]
    method = predictions_grpc.METHOD
    with open_channel(asked.endpoint) as channel:
        try:
            answer = call(channel, asked.endpoint, method, requests[0], asked.timeout)
        except grpc.RpcError as error:
            if predictions_grpc.unknown_model(error.code(), error.details()):
                raise UserError(f"{asked.endpoint.url}: has no model '{asked.model}'") from error
            raise fault(asked.endpoint, error) from error
    if b'"error"' in answer:  # there is no status for one request, only this body
        raise UserError(f"{asked.endpoint.url}: {asked.model} answered {answer[2:].decode(errors='replace')[:300]}")
    return Target(
        endpoint=asked.endpoint,
        model=asked.model,
        protocol="grpc-predictions",
        method=method,
        answer_bytes=len(answer),
        requests=requests,
        payload_bytes=round(sum(map(len, bodies)) / len(bodies)),
        batch=1,
        server=None,
        sizes=sizes,
    )


def _bodies(asked: Asked, probe: Probe | None) -> tuple[list[bytes], dict[str, dict[str, float]]]:
    """The files as they are; a server that has metadata can be sent random tensors, whose sizes are told."""
    if asked.batch != 1:
        raise UserError("--batch: TorchServe's API takes one sample a request")
    if asked.input:
        if asked.sizes:
            raise UserError("--sizes: are those of random samples; files are sent as they are; give --input random")
        return [file.read_bytes() for file in files_of(asked.input)], {}
    specs = read_metadata(probe, asked) if probe else None
    if not specs:
        raise UserError(f"--input: {asked.endpoint.url} has no metadata for random input; give a file")
    inputs = random_inputs(specs, 1, asked.sizes)
    return [json_body(each) for each in inputs], summary(specs, inputs)
