"""Before TorchServe's management API, which takes whatever reaches it: ours lets in who asks on purpose and may.

TorchServe's own listens on a unix socket in a folder that nobody else may enter.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3

from torchferry.errors import UserError
from torchferry.serving.errors import (
    SOON,
    Forbidden,
    NotAllowed,
    Overloaded,
    RequestError,
    TooLarge,
    Unavailable,
    UnsupportedType,
)
from torchferry.serving.net.addresses import listeners
from torchferry.serving.net.admin_rule import AdminRule
from torchferry.serving.net.auth import Access
from torchferry.serving.torchserve.launcher import TorchServe
from torchferry.serving.torchserve.management import management_pool
from torchferry.serving.torchserve.settings import LOOPBACK
from torchferry.serving.torchserve.wsgi_server import StartResponse, headers_of, refused, served

LONGEST = 64 * 1024
"""Bytes of a request's body."""
STATUS: dict[type[RequestError], str] = {
    NotAllowed: "401 Unauthorized",
    Forbidden: "403 Forbidden",
    TooLarge: "413 Content Too Large",
    UnsupportedType: "415 Unsupported Media Type",
    Overloaded: "429 Too Many Requests",
    Unavailable: "503 Service Unavailable",
}


@contextmanager
def managed(server: TorchServe) -> Iterator[None]:
    """The port is there while the block runs: another one, if somebody has taken it meanwhile. Raises UserError."""
    access = Access(server.settings.tokens, own_key=server.key)
    access.warn()
    proxy = ManagementProxy(server.sockets.management, access)
    try:
        sockets = listeners(LOOPBACK, server.ports.management, "--management-port")
    except UserError:
        sockets = listeners(LOOPBACK, 0, "--management-port")
        server.ports = replace(server.ports, management=sockets[0].getsockname()[1])
    with served(proxy.answer, sockets, "management"):
        yield


class ManagementProxy:
    def __init__(self, management: Path, access: Access) -> None:
        """`management` is TorchServe's socket."""
        self.pool, self.access = management_pool(management), access
        self.rule = AdminRule(access)

    def answer(self, environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        headers: list[tuple[str, str]] = []
        try:
            self._check(environ)
            status, kind, body = self._asked(environ)
        except RequestError as error:
            status, kind, body = refused(STATUS[type(error)], error.code, str(error))
            headers = headers_of(error)
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body))), *headers])
        # What comes behind a HEAD's answer would be read as the next one.
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _check(self, environ: dict[str, Any]) -> None:
        """Raises RequestError, one of STATUS."""
        self.rule.check_page(environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN", ""))
        with suppress(UserError):  # the gateway says so of a file that cannot be read; the tokens of before go on
            self.access.refresh()
        method, kind = environ["REQUEST_METHOD"], environ.get("CONTENT_TYPE", "")
        self.rule.check_change(method, environ.get("HTTP_AUTHORIZATION", ""), kind)
        # A body in chunks has no length to read to: it would be left out.
        is_chunked = "HTTP_TRANSFER_ENCODING" in environ
        if is_chunked or not _length(environ).isdecimal() or int(_length(environ)) > LONGEST:
            raise TooLarge(f"the body has no length, or more than {LONGEST:,} bytes")

    def _asked(self, environ: dict[str, Any]) -> tuple[str, str, bytes]:
        """TorchServe's answer. Raises Unavailable."""
        query = environ.get("QUERY_STRING", "")
        path = quote(environ["PATH_INFO"].encode("latin-1")) + (f"?{query}" if query else "")
        body = environ["wsgi.input"].read(int(_length(environ)))
        # TorchServe takes what the query says of a request that is not JSON.
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            answer = self.pool.request(environ["REQUEST_METHOD"], path, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            words = f"TorchServe's management does not answer ({type(error).__name__})"
            raise Unavailable(words, SOON) from error
        kind = answer.headers.get("Content-Type", "application/json")
        return f"{answer.status} {answer.reason or 'Unknown'}", kind, answer.data


def _length(environ: dict[str, Any]) -> str:
    return environ.get("CONTENT_LENGTH") or "0"
