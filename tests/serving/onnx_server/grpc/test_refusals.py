"""gRPC status codes and messages for wrong requests, unknown models and unimplemented calls."""

from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc import service_pb2_grpc

from tests.serving.onnx_server.calling import call, channel, infer_request

IMAGE = np.zeros((1, 1, 8, 8), np.uint8)


@pytest.fixture(scope="module")
def target(asked: dict[str, str]) -> str:
    return asked["grpc"]


TRACE = "0af7651916cd43dd8448eb211c80319c"
ASKED = (("x-request-id", "mine"), ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"))


def trailing(target: str, method: str, request: Any) -> dict[str, str]:
    """Of a call with an id and a trace."""
    with channel(target) as opened:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(opened)
        try:
            _, call = getattr(stub, method).with_call(request, timeout=60, metadata=ASKED)
        except grpc.RpcError as error:
            call = error
        return dict(call.trailing_metadata())


def refusal(target: str, method: str, request: Any) -> tuple[str, str]:
    """Status and words."""
    with pytest.raises(grpc.RpcError) as error:
        call(target, method, request)
    return error.value.code().name, error.value.details()


def test_an_error_says_its_code_its_id_and_its_trace(target: str) -> None:
    answered = trailing(target, "ModelInfer", infer_request("digits", {"image": IMAGE}))
    assert "error-code" not in answered
    for request, code in (
        (infer_request("nobody", {}), "unknown_model"),
        (infer_request("digits", {}), "wrong_tensor"),
    ):
        said = trailing(target, "ModelInfer", request)
        assert said.keys() - answered.keys() == {"error-code"}
        assert (said["error-code"], said["x-request-id"], TRACE in said["traceparent"]) == (code, "mine", True)
    for method, code in (("ModelMetadata", "unknown_model"), ("RepositoryModelLoad", "forbidden")):
        message = {"ModelMetadata": messages.ModelMetadataRequest(name="nobody")}
        said = trailing(target, method, message.get(method, messages.RepositoryModelLoadRequest()))
        assert (said["error-code"], said["x-request-id"]) == (code, "mine")


def without_data() -> Any:
    request = infer_request("digits", {"image": IMAGE})
    del request.raw_input_contents[:]
    return request


def asking_for(output: str = "probabilities", **parameters: Any) -> Any:
    request = infer_request("digits", {"image": IMAGE})
    request.outputs.add(name=output)
    for key, value in parameters.items():
        request.parameters[key].int64_param = value
    return request


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (infer_request("nobody", {"image": IMAGE}), "NOT_FOUND", "there is no model 'nobody'"),
        (infer_request("digits", {"image": IMAGE}, model_version="2.0"), "NOT_FOUND", "no version '2.0'"),
        (infer_request("digits", {}), "INVALID_ARGUMENT", "the model takes 'image'"),
        (infer_request("digits", {"picture": IMAGE}), "INVALID_ARGUMENT", "inputs are 'picture'"),
        (
            infer_request("digits", {"image": IMAGE[:, 0]}),
            "INVALID_ARGUMENT",
            "[1, 8, 8]; the model takes",
        ),
        (infer_request("digits", {"image": IMAGE.astype(float)}), "INVALID_ARGUMENT", "datatype FP64"),
        (
            infer_request("table", {"row": np.zeros((1025, 8), "f4")}),
            "RESOURCE_EXHAUSTED",
            "1024 are allowed",
        ),
        (without_data(), "INVALID_ARGUMENT", "fill shape [1, 1, 8, 8]"),
        (asking_for("logits"), "INVALID_ARGUMENT", "there is no output 'logits'"),
        (asking_for(timeout=-5), "INVALID_ARGUMENT", "timeout is -5"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(target: str, request_: Any, code: str, words: str) -> None:
    given, text = refusal(target, "ModelInfer", request_)
    assert given == code
    assert words in text


def test_unknown_models_everywhere(target: str) -> None:
    for method in ("ModelReady", "ModelMetadata", "ModelConfig", "ModelStatistics"):
        request = getattr(messages, f"{method}Request")(name="nobody")
        assert refusal(target, method, request)[0] == "NOT_FOUND", method


def test_what_there_is_not_is_said_to_be_unimplemented(target: str) -> None:
    assert refusal(target, "TraceSetting", messages.TraceSettingRequest())[0] == "UNIMPLEMENTED"
