"""Each error has its status over HTTP, and a text where every client looks for it."""

import asyncio

import pytest

from tests.serving.onnx_server.in_process import Line, Said
from tests.serving.wire import in_loop
from torchferry.serving.errors import (
    ClientGone,
    DeadlinePassed,
    InferenceFailed,
    NotAllowed,
    NotDecodable,
    Overloaded,
    TooLarge,
    TooSlow,
    UnknownModel,
    UnsupportedType,
    WrongParameter,
    WrongTensor,
)
from torchferry.serving.onnx_server.grpc import call
from torchferry.serving.onnx_server.http.errors import STATUS, fail, refuse


async def refusal(error: Exception) -> Said:
    return await Line(lambda request: refuse(request, error)).ask("/")


@in_loop
@pytest.mark.parametrize(
    ("error", "status", "phrase"),
    [
        (NotDecodable, 400, "Bad Request"),
        (NotAllowed, 401, "Unauthorized"),
        (UnknownModel, 404, "Not Found"),
        (TooSlow, 408, "Request Timeout"),
        (TooLarge, 413, "Content Too Large"),
        (UnsupportedType, 415, "Unsupported Media Type"),
        (WrongTensor, 422, "Unprocessable Content"),
        (WrongParameter, 422, "Unprocessable Content"),
        (ClientGone, 499, "Client Closed Request"),
        (InferenceFailed, 500, "Internal Server Error"),
        (DeadlinePassed, 504, "Gateway Timeout"),
    ],
)
async def test_an_error_is_answered_with_its_status_and_its_text_twice(
    error: type[Exception], status: int, phrase: str
) -> None:
    said = await refusal(error("what is wrong"))
    assert said.status == status
    assert said.headers["content-type"] == "application/json"
    assert said.json == {"error": f"{phrase}: what is wrong", "detail": "what is wrong"}


@in_loop
async def test_who_is_turned_away_is_told_when_to_come_again() -> None:
    said = await refusal(Overloaded("full", retry_after=7))
    assert (said.status, said.headers["retry-after"]) == (429, "7")
    assert "retry-after" not in (await refusal(TooLarge("large"))).headers


@in_loop
async def test_who_has_no_token_is_told_of_which_kind_it_is() -> None:
    assert (await refusal(NotAllowed("no token"))).headers["www-authenticate"] == "Bearer"


def test_every_error_that_has_a_status_over_grpc_has_one_here() -> None:
    assert STATUS.keys() - {ClientGone} == call.STATUS.keys()  # gRPC itself says who has gone


@in_loop
async def test_a_bug_is_answered_and_shown_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    said = await Line(lambda request: fail(request, ZeroDivisionError("here"))).ask("/")
    detail = "a bug of the server: ZeroDivisionError"
    assert (said.status, said.json) == (500, {"error": f"Internal Server Error: {detail}", "detail": detail})
    assert "ZeroDivisionError: here" in capsys.readouterr().err


@in_loop
async def test_what_the_servers_end_cancels_is_unavailable(capsys: pytest.CaptureFixture[str]) -> None:
    said = await Line(lambda request: fail(request, asyncio.CancelledError())).ask("/")
    assert (said.status, said.json["detail"]) == (503, "the server ended before the request was answered")
    assert not capsys.readouterr().err
