"""Error responses over HTTP: a status for each error, and its text under the keys of both APIs."""

import json
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
from torchferry.serving.onnx_server.http.asgi_request import JSON, AsgiRequest, Header

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


async def refuse(request: AsgiRequest, error: Exception) -> None:
    """`error` is one of STATUS."""
    status, phrase = STATUS[type(error)]
    headers: list[Header] = []
    if isinstance(error, Overloaded):
        headers = [(b"retry-after", b"%d" % error.retry_after)]
    elif isinstance(error, NotAllowed):
        headers = [(b"www-authenticate", b"Bearer")]
    await say(request, status, phrase, str(error), headers)


async def say(request: AsgiRequest, status: int, phrase: str, detail: str, headers: Iterable[Header] = ()) -> None:
    """The protocol has its message in `error`; `detail` is where our clients look on every server."""
    content = {"error": f"{phrase}: {detail}", "detail": detail}
    await request.answer(status, json.dumps(content).encode(), [JSON, *headers])
