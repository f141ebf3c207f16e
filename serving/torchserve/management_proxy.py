"""Before TorchServe's management API, which takes whatever reaches it: ours lets in who asks on purpose and may.

TorchServe's own listens on a unix socket in a folder that nobody else may enter.
"""

import hmac
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import urllib3

from torchferry.serving.net.addresses import listeners
from torchferry.serving.net.same_origin import why_foreign
from torchferry.serving.torchserve.launcher import TorchServe
from torchferry.serving.torchserve.management import management_pool
from torchferry.serving.torchserve.settings import LOOPBACK
from torchferry.serving.torchserve.wsgi_server import StartResponse, served

LONGEST = 64 * 1024
"""Bytes of a request's body."""
Refusal = tuple[str, str, str]
"""Status line, code, and what is wrong."""
READS = ("GET", "HEAD")


@contextmanager
def managed(server: TorchServe) -> Iterator[None]:
    """The port is there while the block runs. Raises UserError."""
    may = (lambda _: False) if server.settings.tokens else None
    proxy = ManagementProxy(server.management_socket, server.key, may)
    with served(proxy.answer, listeners(LOOPBACK, server.ports.management, "--management-port"), "management"):
        yield


class ManagementProxy:
    def __init__(self, management: Path, key: str, may: Callable[[str], bool] | None) -> None:
        """`management` is TorchServe's socket. `may(authorization)` says whether a header is an administrator's; None
        lets in everybody of this machine. `key` is a token of our own commands."""
        self.pool, self.key, self.may = management_pool(management), key, may

    def answer(self, environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        refusal = self._refusal(environ)
        status, kind, body = _refused(*refusal) if refusal else self._asked(environ)
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _refusal(self, environ: dict[str, Any]) -> Refusal | None:
        if why := why_foreign(environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN", "")):
            return "403 Forbidden", "forbidden", why
        if self.may and not self._is_allowed(environ.get("HTTP_AUTHORIZATION", "")):
            words = "the request has no token of an administrator; send Authorization: Bearer TOKEN"
            return "401 Unauthorized", "not_allowed", words
        kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
        if environ["REQUEST_METHOD"] not in READS and kind != "application/json":
            words = f"Content-Type is {kind[:100] or 'missing'}; send application/json, with or without a body"
            return "415 Unsupported Media Type", "unsupported_type", words
        if not _length(environ).isdecimal() or int(_length(environ)) > LONGEST:
            return "413 Content Too Large", "too_large", f"the body has no length, or more than {LONGEST:,} bytes"
        return None

    def _is_allowed(self, authorization: str) -> bool:
        assert self.may
        kind, _, secret = authorization.partition(" ")
        ours = hmac.compare_digest(secret.strip().encode(errors="replace"), self.key.encode())
        return (kind.lower() == "bearer" and ours) or self.may(authorization)

    def _asked(self, environ: dict[str, Any]) -> tuple[str, str, bytes]:
        """TorchServe's answer."""
        query = environ.get("QUERY_STRING", "")
        path = quote(environ["PATH_INFO"].encode("latin-1")) + (f"?{query}" if query else "")
        body = environ["wsgi.input"].read(int(_length(environ)))
        # TorchServe takes what the query says of a request that is not JSON.
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            answer = self.pool.request(environ["REQUEST_METHOD"], path, body=body, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            words = f"TorchServe's management does not answer ({type(error).__name__})"
            return _refused("503 Service Unavailable", "unavailable", words)
        kind = answer.headers.get("Content-Type", "application/json")
        return f"{answer.status} {answer.reason or 'Unknown'}", kind, answer.data


def _length(environ: dict[str, Any]) -> str:
    return environ.get("CONTENT_LENGTH") or "0"


def _refused(status: str, code: str, detail: str) -> tuple[str, str, bytes]:
    content = {"error": status.partition(" ")[2], "code": code, "detail": detail}
    return status, "application/json", json.dumps(content).encode()
