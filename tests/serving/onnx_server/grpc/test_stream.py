"""ModelStreamInfer: many requests in one call."""

import queue
from typing import Any

import numpy as np
from tritonclient.grpc import service_pb2_grpc

from tests.serving.onnx_server.calling import call, channel, infer_request, output_arrays


def digit(number: int, **fields: Any) -> Any:
    return infer_request("digits", {"image": np.full((1, 1, 8, 8), number, np.uint8)}, id=str(number), **fields)


def test_a_stream_answers_in_order(asked: dict[str, str]) -> None:
    with channel(asked["grpc"]) as opened:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(opened)
        answers = list(stub.ModelStreamInfer(map(digit, range(200)), timeout=60))
    assert [answer.infer_response.id for answer in answers] == [str(number) for number in range(200)]
    alone = call(asked["grpc"], "ModelInfer", digit(199))
    np.testing.assert_allclose(
        output_arrays(answers[-1].infer_response)["probabilities"], output_arrays(alone)["probabilities"], atol=1e-6
    )


def test_a_wrong_request_does_not_end_its_stream(asked: dict[str, str]) -> None:
    wrong = infer_request("nobody", {}, id="wrong")
    with channel(asked["grpc"]) as opened:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(opened)
        first, second, third = stub.ModelStreamInfer(iter([digit(1), wrong, digit(3)]), timeout=60)
    assert (first.infer_response.id, first.error_message) == ("1", "")
    assert second.infer_response.id == "wrong"
    assert "there is no model 'nobody'" in second.error_message
    assert (third.infer_response.id, third.error_message) == ("3", "")


def test_a_stream_answers_while_it_stays_open(asked: dict[str, str]) -> None:
    """A client that waits for each answer before it sends the next."""
    requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
    with channel(asked["grpc"]) as opened:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(opened)
        answers = stub.ModelStreamInfer(iter(requests.get, None), timeout=60)
        for number in range(3):
            requests.put(digit(number))
            assert next(answers).infer_response.id == str(number)
        requests.put(None)
        assert list(answers) == []


def test_a_final_answer_is_marked_if_that_was_asked_for(asked: dict[str, str]) -> None:
    request = digit(1)
    request.parameters["triton_enable_empty_final_response"].bool_param = True
    with channel(asked["grpc"]) as opened:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(opened)
        marked, plain = stub.ModelStreamInfer(iter([request, digit(2)]), timeout=60)
    assert marked.infer_response.parameters["triton_final_response"].bool_param
    assert not plain.infer_response.parameters
