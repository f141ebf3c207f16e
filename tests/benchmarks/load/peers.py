"""Test servers over HTTP, gRPC and bare sockets with canned answers, for the tests of the load generator."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any

import grpc

from tests.http_server import http_server
from tests.ports import free_port

Page = bytes | tuple[int, bytes]
"""A body, or a status and a body."""


@dataclass(frozen=True)
class Heard:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def pages(answers: Mapping[str, Page]) -> Iterator[tuple[str, list[Heard]]]:
    """The URL of `answers` by path, 404 for others, and what was asked there so far."""
    heard: list[Heard] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            heard.append(Heard(self.command, self.path, dict(self.headers), body))
            found = answers.get(self.path, (404, b'{"error": "nothing here"}'))
            status, content = found if isinstance(found, tuple) else (200, found)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_: object) -> None: ...

    with http_server(Handler) as url:
        yield url, heard


@contextmanager
def calls(service: str, answers: Mapping[str, Callable[[bytes, Any], bytes]]) -> Iterator[str]:
    """The address where the methods of a gRPC service answer; each takes the message's bytes and the context."""
    server = grpc.server(ThreadPoolExecutor(1))
    handlers = {name: grpc.unary_unary_rpc_method_handler(answer) for name, answer in answers.items()}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncIterator[str]:
    """The URL of a bare socket in this event loop; `talk` has each of its connections until one of the two leaves."""
    talks: set[asyncio.Task[Any]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        talks.add(task)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await talk(reader, writer)
        writer.close()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks)
        for _ in range(5):  # rounds of the loop, in which both ends of the connections learn that they are closed
            await asyncio.sleep(0)


def nobody() -> str:
    """A host and port where nobody listens."""
    return f"127.0.0.1:{free_port()}"
