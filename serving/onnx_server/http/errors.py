"""Error responses over HTTP: a status for each error, and its text under the keys of both APIs."""

import asyncio
import json
import traceback
from collections.abc import Iterable

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
from torchferry.serving.onnx_server.http.request import JSON, Header, HttpRequest

STATUS: dict[type[Exception], tuple[int, str]] = {
    NotDecodable: (400, "Bad Request"),
    NotAllowed: (401, "Unauthorized"),
    UnknownModel: (404, "Not Found"),
    TooSlow: (408, "Request Timeout"),
    TooLarge: (413, "Content Too Large"),
    UnsupportedType: (415, "Unsupported Media Type"),
    WrongTensor: (422, "Unprocessable Content"),
    WrongParameter: (422, "Unprocessable Content"),
    Overloaded: (429, "Too Many Requests"),
    ClientGone: (499, "Client Closed Request"),
    InferenceFailed: (500, "Internal Server Error"),
    DeadlinePassed: (504, "Gateway Timeout"),
}


def refuse(request: HttpRequest, error: Exception) -> None:
    """`error` is one of STATUS."""
    status, phrase = STATUS[type(error)]
    headers: list[Header] = []
    if isinstance(error, Overloaded):
        headers = [(b"retry-after", b"%d" % error.retry_after)]
    elif isinstance(error, NotAllowed):
        headers = [(b"www-authenticate", b"Bearer")]
    say(request, status, phrase, str(error), headers)


def fail(request: HttpRequest, error: BaseException) -> None:
    """The server ended, or it has a bug, which is shown to whoever reads its stderr."""
    if isinstance(error, asyncio.CancelledError):
        return say(request, 503, "Service Unavailable", "the server ended before the request was answered")
    traceback.print_exception(error)
    return say(request, 500, "Internal Server Error", f"a bug of the server: {type(error).__name__}")


def say(request: HttpRequest, status: int, phrase: str, detail: str, headers: Iterable[Header] = ()) -> None:
    """The protocol has its message in `error`; `detail` is where our clients look on every server."""
    content = {"error": f"{phrase}: {detail}", "detail": detail}
    request.answer(status, json.dumps(content).encode(), [JSON, *headers])
