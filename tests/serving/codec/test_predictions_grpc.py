"""The two messages are TorchServe's on the wire, byte by byte."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest

from torchferry.serving.codec.predictions_grpc import METHOD, Request, Response, predictions, unknown_model

CODES = grpc.StatusCode
SENT = b"\x0a\x06digits" + b"\x12\x031.0" + b"\x1a\x0c" + b"\x0a\x04data\x12\x04\x00\xffab"
"""Fields 1 to 3 of its inference.proto; an entry of the map is a message of a key and a value."""


def test_a_request_is_written_and_read_as_torchserves() -> None:
    request = Request(model_name="digits", model_version="1.0", input={"data": b"\x00\xffab"})
    assert request.SerializeToString() == SENT
    assert Request.FromString(SENT) == request
    assert dict(Request.FromString(SENT).input) == {"data": b"\x00\xffab"}


def test_a_version_that_is_not_given_is_not_sent() -> None:
    assert Request(model_name="digits").SerializeToString() == SENT[:8]
    assert Request.FromString(SENT[:8]).model_version == ""


def test_a_response_is_bytes() -> None:
    assert Response.FromString(b"\x0a\x02\xff\x00").prediction == b"\xff\x00"


def test_the_call_is_made_under_torchserves_name() -> None:
    class Channel:
        def unary_unary(
            self, method: str, request_serializer: Callable[..., bytes], response_deserializer: Callable[..., Any]
        ) -> Callable[..., Any]:
            assert method == METHOD == "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions"
            return lambda request: response_deserializer(b"\x0a" + bytes([len(SENT)]) + request_serializer(request))

    call = predictions(Channel())
    assert call(Request.FromString(SENT)).prediction == SENT


@pytest.mark.parametrize(
    ("code", "details", "unknown"),
    [
        (CODES.NOT_FOUND, "there is no model 'x'", True),
        (CODES.INTERNAL, "ModelNotFoundException: Model not found: x", True),
        (CODES.INTERNAL, "out of memory", False),
        (CODES.INVALID_ARGUMENT, "ModelNotFoundException", False),
    ],
)
def test_a_missing_model_is_known_by_its_code_or_by_torchserves_words(
    code: grpc.StatusCode, details: str, unknown: bool
) -> None:
    assert unknown_model(code, details) is unknown
