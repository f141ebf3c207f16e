"""Messages of gRPC that are cut, altered or forged."""

from random import Random

from google.protobuf.message import DecodeError
from tritonclient.grpc.service_pb2 import ModelInferRequest

from torchferry.benchmarks.hostile.malformed.messages import altered
from torchferry.benchmarks.hostile.valid import INFER, Valid


def test_tensors_are_altered_in_messages_that_can_be_read(valid: Valid) -> None:
    random, right = Random(0), dict(valid.messages)[INFER]
    read, failed, methods = [], 0, set()
    for _ in range(400):
        method, message = altered(random, INFER, right)
        methods.add(method)
        try:
            read.append(ModelInferRequest.FromString(message))
        except DecodeError:
            failed += 1
    assert failed > 20
    assert len(methods) > 4
    shapes = {tuple(request.inputs[0].shape) for request in read if request.inputs}
    assert {(1, 1, 8, 8), (2**40, 2**40)} <= shapes
    assert len({len(request.raw_input_contents) for request in read}) > 1


def test_predictions_are_altered_too(valid: Valid) -> None:
    random = Random(0)
    for method, message in valid.messages:
        assert len({altered(random, method, message)[1] for _ in range(50)}) > 10
