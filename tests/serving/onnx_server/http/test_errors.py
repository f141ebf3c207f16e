"""Each error has its status over HTTP, and a text where every client looks for it."""

import asyncio

import pytest

from tests.serving.onnx_server.in_process import Line, Said
from tests.serving.wire import in_loop
from torchferry.serving.errors import (
    AnswerTooLarge,
    ClientGone,
    DeadlinePassed,
    Forbidden,
    InferenceFailed,
    NotAllowed,
    NotDecodable,
    Overloaded,
    TooLarge,
    TooSlow,
    Unavailable,
    UnknownModel,
    UnknownSequence,
    UnsupportedType,
    WrongParameter,
    WrongTensor,
)
from torchferry.serving.onnx_server.grpc import call
from torchferry.serving.onnx_server.http.errors import CODES, STATUS, Refusal, fail, refuse


async def refusal(error: Refusal) -> Said:
    return await Line(lambda request: refuse(request, error)).ask("/")


@in_loop
@pytest.mark.parametrize(
    ("error", "status", "phrase"),
    [
        (NotDecodable, 400, "Bad Request"),
        (NotAllowed, 401, "Unauthorized"),
        (Forbidden, 403, "Forbidden"),
        (UnknownModel, 404, "Not Found"),
        (TooSlow, 408, "Request Timeout"),
        (UnknownSequence, 409, "Conflict"),
        (TooLarge, 413, "Content Too Large"),
        (UnsupportedType, 415, "Unsupported Media Type"),
        (WrongTensor, 422, "Unprocessable Content"),
        (WrongParameter, 422, "Unprocessable Content"),
        (AnswerTooLarge, 422, "Unprocessable Content"),
        (ClientGone, 499, "Client Closed Request"),
        (InferenceFailed, 500, "Internal Server Error"),
        (DeadlinePassed, 504, "Gateway Timeout"),
    ],
)
async def test_an_error_is_answered_with_its_status_and_its_text_twice(
    error: type[Refusal], status: int, phrase: str
) -> None:
    said = await refusal(error("what is wrong"))
    assert said.status == status
    assert said.headers["content-type"] == "application/json"
    assert said.json == {"error": f"{phrase}: what is wrong", "code": error.code, "detail": "what is wrong"}


@in_loop
async def test_who_is_turned_away_is_told_when_to_come_again() -> None:
    for error, status in ((Overloaded, 429), (Unavailable, 503)):
        said = await refusal(error("not now", retry_after=7))
        assert (said.status, said.headers["retry-after"], said.json["code"]) == (status, "7", error.code)
    assert "retry-after" not in (await refusal(TooLarge("large"))).headers


@in_loop
async def test_who_has_no_token_is_told_of_which_kind_it_is() -> None:
    assert (await refusal(NotAllowed("no token"))).headers["www-authenticate"] == "Bearer"


def test_no_two_errors_have_one_code() -> None:
    """Programs go by them: this list only grows."""
    assert sorted(CODES) == [
        *("answer_too_large", "bad_request", "body_too_slow", "deadline_passed", "forbidden"),
        *("inference_failed", "internal_server_error"),
        *("method_not_allowed", "not_allowed", "not_decodable", "not_found", "not_implemented", "overloaded"),
        *("request_header_fields_too_large", "too_large", "unavailable", "unknown_model", "unknown_sequence"),
        *("unsupported_type", "wrong_parameter", "wrong_tensor"),
    ]


def test_every_error_that_has_a_status_over_grpc_has_one_here() -> None:
    assert STATUS.keys() - {ClientGone} == call.STATUS.keys()  # gRPC itself says who has gone


@in_loop
async def test_a_bug_is_answered_and_shown_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    said = await Line(lambda request: fail(request, ZeroDivisionError("here"))).ask("/")
    detail = "a bug of the server: ZeroDivisionError"
    code = "internal_server_error"
    assert said.status == 500
    assert said.json == {"error": f"Internal Server Error: {detail}", "code": code, "detail": detail}
    assert "ZeroDivisionError: here" in capsys.readouterr().err


@in_loop
async def test_what_the_servers_end_cancels_is_unavailable(capsys: pytest.CaptureFixture[str]) -> None:
    said = await Line(lambda request: fail(request, asyncio.CancelledError())).ask("/")
    assert (said.status, said.json["detail"]) == (503, "the server ended before the request was answered")
    assert (said.json["code"], said.headers["retry-after"]) == ("unavailable", "1")
    assert not capsys.readouterr().err
