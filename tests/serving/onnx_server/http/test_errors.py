"""Each error has its status over HTTP, and a text where every client looks for it."""

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
from torchferry.serving.onnx_server.http.asgi_request import AsgiRequest, Message, Receive, Send
from torchferry.serving.onnx_server.http.errors import STATUS, refuse


async def refusal(error: Exception) -> Said:
    async def application(scope: Message, receive: Receive, send: Send) -> None:
        await refuse(AsgiRequest(scope, receive, send), error)

    return await Line(application).ask("/")


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
