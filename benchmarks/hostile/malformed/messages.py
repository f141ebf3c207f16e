"""Messages of gRPC that are cut, altered or forged."""

from random import Random
from typing import Any

from torchferry.benchmarks.hostile.malformed import files, json_bodies
from torchferry.benchmarks.hostile.valid import INFER
from torchferry.serving.codec import predictions_grpc

METHODS: tuple[str, ...] = (INFER, INFER, "/inference.GRPCInferenceService/ModelStreamInfer", predictions_grpc.METHOD)
METHODS += (
    "/inference.GRPCInferenceService/ModelMetadata",
    "/inference.GRPCInferenceService/Nothing",
    "/x",
    "/" + "x" * 999,
)
METHODS += ("/grpc.health.v1.Health/Check", "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")
SHAPES = ((-1, 1, 8, 8), (), (0,), (2**40, 2**40), (2**63 - 1,), (-(2**63),), (1,) * 99)
WORDS: tuple[str, ...] = ("", "é" * 99, "9" * 99, "a\r\nb: c", "\x00")


def altered(random: Random, method: str, message: bytes) -> tuple[str, bytes]:
    """The method to call, not always the message's own, and bytes for it."""
    if random.random() < 0.2:
        return random.choice(METHODS), message
    if random.random() < 0.4:
        return method, files.altered(random, message)
    return method, _tensor(random, message) if method == INFER else _prediction(random, message)


def _tensor(random: Random, message: bytes) -> bytes:
    from tritonclient.grpc.service_pb2 import ModelInferRequest

    request: Any = ModelInferRequest.FromString(message)
    tensor = request.inputs[0]
    match random.randrange(10):
        case 0:
            del tensor.shape[:]
            tensor.shape.extend(random.choice(SHAPES))
        case 1:
            tensor.datatype = random.choice((*WORDS, "BYTES", "FP64", "INT8"))
        case 2:
            tensor.name = random.choice(WORDS)
        case 3:
            request.model_name = random.choice(WORDS)
        case 4:
            request.raw_input_contents[0] = random.randbytes(random.choice((0, 1, 5, 4096)))
        case 5:
            request.raw_input_contents.append(b"x")
        case 6:
            request.parameters[random.choice(("priority", "timeout", "x"))].string_param = random.choice(WORDS)
        case 7:
            request.outputs.add(name=random.choice((*WORDS, "probabilities")))
        case 8:
            tensor.contents.fp32_contents.extend([float("nan"), 1e38])
        case 9:
            request.inputs.extend([tensor] * random.randrange(1, 50))
    return bytes(request.SerializeToString())


def _prediction(random: Random, message: bytes) -> bytes:
    request = predictions_grpc.Request.FromString(message)
    body = request.input["data"]
    content = dict(request.input)
    match random.randrange(4):
        case 0:
            content["data"] = json_bodies.altered(random, body) if body[:1] == b"{" else files.altered(random, body)
        case 1:
            content[random.choice(("top_k", "body", "x", ""))] = random.choice((b"", b"-1", b"9" * 99, b"\xff"))
        case 2:
            content = {}
        case 3:
            return predictions_grpc.Request(model_name=random.choice(WORDS), input=content).SerializeToString()
    return predictions_grpc.Request(model_name=request.model_name, input=content).SerializeToString()
