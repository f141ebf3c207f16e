"""Error responses over HTTP: a status and a code for each error, and its text under the keys of both APIs."""

import asyncio
import json
import traceback
from collections.abc import Iterable

from torchferry.serving.errors import (
    SOON,
    AnswerTooLarge,
    ClientGone,
    DeadlinePassed,
    Forbidden,
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
    UnknownSequence,
    UnsupportedType,
    WrongParameter,
    WrongTensor,
)
from torchferry.serving.onnx_server.http.request import JSON, Header, HttpRequest

Refusal = RequestError | DeadlinePassed | InferenceFailed
STATUS: dict[type[Refusal], tuple[int, str]] = {
    NotDecodable: (400, "Bad Request"),
    NotAllowed: (401, "Unauthorized"),
    Forbidden: (403, "Forbidden"),
    UnknownModel: (404, "Not Found"),
    TooSlow: (408, "Request Timeout"),
    UnknownSequence: (409, "Conflict"),
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


def refuse(request: HttpRequest, error: Refusal, known: Iterable[Header] = ()) -> None:
    """`error` is one of STATUS; `known`: what its context has to say."""
    status, phrase = STATUS[type(error)]
    headers = [*known]
    if isinstance(error, TryLater):
        headers.append((b"retry-after", b"%d" % error.retry_after))
    elif isinstance(error, NotAllowed):
        headers.append((b"www-authenticate", b"Bearer"))
    say(request, status, phrase, str(error), headers, error.code)


def fail(request: HttpRequest, error: BaseException, known: Iterable[Header] = ()) -> None:
    """The server ended, or it has a bug, which is shown to whoever reads its stderr."""
    if isinstance(error, asyncio.CancelledError):
        return refuse(request, Unavailable("the server ended before the request was answered", SOON), known)
    traceback.print_exception(error)
    return say(request, 500, "Internal Server Error", f"a bug of the server: {type(error).__name__}", known)


def say(
    request: HttpRequest, status: int, phrase: str, detail: str, headers: Iterable[Header] = (), code: str = ""
) -> None:
    """The protocol has its message in `error`; `detail` is where our clients look on every server."""
    code = code or phrase.lower().replace(" ", "_")
    request.answer(status, content(phrase, code, detail), [JSON, *headers])


def content(phrase: str, code: str, detail: str) -> bytes:
    return json.dumps({"error": f"{phrase}: {detail}", "code": code, "detail": detail}).encode()
