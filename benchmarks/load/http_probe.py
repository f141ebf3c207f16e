"""A few requests over HTTP before a run, with a library: metadata, and whether a request is answered well."""

import json
from collections.abc import Mapping
from typing import Any

import urllib3

from torchferry.benchmarks.load.endpoint import Endpoint
from torchferry.errors import ServerFault, UserError


class Probe:
    def __init__(self, endpoint: Endpoint, timeout: float) -> None:
        self.endpoint = endpoint
        trust: dict[str, Any] = {"ca_certs": str(endpoint.ca)} if endpoint.ca else {}
        self.pool = urllib3.PoolManager(timeout=timeout, retries=False, **trust)

    def get(self, path: str) -> dict[str, Any] | None:
        """The JSON object at `path`; None if the server has no such path. Raises UserError and ServerFault."""
        answer = self._request("GET", path, b"", {})
        if answer.status in (404, 405):
            return None
        self._check(answer, path)
        try:
            return dict(json.loads(answer.data))
        except (ValueError, TypeError):
            return None

    def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        """The answer's body, if its status is 200."""
        answer = self._request("POST", path, body, headers)
        self._check(answer, path)
        return bytes(answer.data)

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
        all_headers = {**headers, **dict(self.endpoint.headers)}
        try:
            return self.pool.request(method, self.endpoint.base + path, body=body, headers=all_headers, redirect=False)
        except (urllib3.exceptions.ProtocolError, urllib3.exceptions.LocationValueError) as error:
            raise UserError(
                f"{self.endpoint.url}: does not speak HTTP/1.1 ({_reason(error)}); is that gRPC's port?"
            ) from error
        except urllib3.exceptions.HTTPError as error:
            raise UserError(f"{self.endpoint.url}: no answer ({_reason(error)}); is a server up there?") from error

    def _check(self, answer: urllib3.BaseHTTPResponse, path: str) -> None:
        if answer.status == 200:
            return
        text = f"{self.endpoint.url}: answered {answer.status} to {path}: {detail(answer.data)}"
        raise ServerFault(text) if answer.status >= 500 else UserError(text)


def request_bytes(endpoint: Endpoint, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A whole HTTP/1.1 request."""
    lines = [f"POST {endpoint.prefix}{path} HTTP/1.1", f"Host: {endpoint.authority}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in {**headers, **dict(endpoint.headers)}.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def detail(body: bytes) -> str:
    """The reason in an error's body, on one line, whichever server's it is."""
    try:
        content = json.loads(body)
        for key in ("detail", "message", "error"):
            if key in content:
                return " ".join(str(content[key]).split())[:300]
    except (ValueError, TypeError):
        pass
    return " ".join(body.decode(errors="replace").split())[:300] or "it gave no reason"


def _reason(error: Exception) -> str:
    cause = error.args[-1] if error.args else error
    return type(cause).__name__ if isinstance(cause, Exception) else type(error).__name__
