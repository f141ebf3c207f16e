"""gRPC status codes and messages for wrong requests, unknown models and unimplemented calls."""

from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.serving.onnx_server.calling import call, infer_request

IMAGE = np.zeros((1, 1, 8, 8), np.uint8)


@pytest.fixture(scope="module")
def target(asked: dict[str, str]) -> str:
    return asked["grpc"]


def refusal(target: str, method: str, request: Any) -> tuple[str, str]:
    """Status and words."""
    with pytest.raises(grpc.RpcError) as error:
        call(target, method, request)
    return error.value.code().name, error.value.details()


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
