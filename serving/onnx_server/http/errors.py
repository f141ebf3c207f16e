"""Error responses over HTTP: a status and a code for each error, and its text under the keys of both APIs."""

import asyncio
import json
import traceback
from collections.abc import Iterable

from torchferry.serving.errors import (
    AnswerTooLarge,
    ClientGone,
    DeadlinePassed,
    InferenceFailed,
    NotAllowed,
    NotDecodable,
    Overloaded,
    RequestError,
    TooLarge,
    TooSlow,
    TryLater,
    Unavailable,
    UnknownModel,
    UnsupportedType,
    WrongParameter,
    WrongTensor,
)
from torchferry.serving.onnx_server.http.request import JSON, Header, HttpRequest

Refusal = RequestError | DeadlinePassed | InferenceFailed
STATUS: dict[type[Refusal], tuple[int, str]] = {
    NotDecodable: (400, "Bad Request"),
    NotAllowed: (401, "Unauthorized"),
    UnknownModel: (404, "Not Found"),
    TooSlow: (408, "Request Timeout"),
    TooLarge: (413, "Content Too Large"),
    UnsupportedType: (415, "Unsupported Media Type"),
    WrongTensor: (422, "Unprocessable Content"),
    WrongParameter: (422, "Unprocessable Content"),
    AnswerTooLarge: (422, "Unprocessable Content"),
    Overloaded: (429, "Too Many Requests"),
    ClientGone: (499, "Client Closed Request"),
    InferenceFailed: (500, "Internal Server Error"),
    Unavailable: (503, "Service Unavailable"),
    DeadlinePassed: (504, "Gateway Timeout"),
}


CODES = (
    *(error.code for error in STATUS if error is not ClientGone),
    *("bad_request", "not_found", "method_not_allowed", "request_header_fields_too_large"),
    *("internal_server_error", "not_implemented"),
)
"""All that a body can have: of the errors, and of refusals that are HTTP's own, whose code is the status's phrase."""
SOON = 1
"""Seconds after which another server answers, or this one's successor."""


def refuse(request: HttpRequest, error: Refusal) -> None:
    """`error` is one of STATUS."""
    status, phrase = STATUS[type(error)]
    headers: list[Header] = []
    if isinstance(error, TryLater):
        headers = [(b"retry-after", b"%d" % error.retry_after)]
    elif isinstance(error, NotAllowed):
        headers = [(b"www-authenticate", b"Bearer")]
    say(request, status, phrase, str(error), headers, error.code)


def fail(request: HttpRequest, error: BaseException) -> None:
    """The server ended, or it has a bug, which is shown to whoever reads its stderr."""
    if isinstance(error, asyncio.CancelledError):
        return refuse(request, Unavailable("the server ended before the request was answered", SOON))
    traceback.print_exception(error)
    return say(request, 500, "Internal Server Error", f"a bug of the server: {type(error).__name__}")


def say(
    request: HttpRequest, status: int, phrase: str, detail: str, headers: Iterable[Header] = (), code: str = ""
) -> None:
    """The protocol has its message in `error`; `detail` is where our clients look on every server."""
    code = code or phrase.lower().replace(" ", "_")
    request.answer(status, content(phrase, code, detail), [JSON, *headers])


def content(phrase: str, code: str, detail: str) -> bytes:
    return json.dumps({"error": f"{phrase}: {detail}", "code": code, "detail": detail}).encode()
