"""Applications behind a connection, and what was written on it."""

from tests.serving.onnx_server.in_process import Line
from tests.serving.wire import SECONDS
from torchferry.serving.onnx_server.http.request import HttpRequest


async def echo(request: HttpRequest) -> None:
    request.answer(200, await request.body(1000, SECONDS))


def paths(request: HttpRequest) -> None:
    request.answer(200, request.path.encode())


class Held:
    """Keeps its requests waiting."""

    def __init__(self) -> None:
        self.requests: list[HttpRequest] = []

    def __call__(self, request: HttpRequest) -> None:
        self.requests.append(request)


def written(line: Line) -> bytes:
    return b"".join(line.transport.writes)


def statuses(line: Line) -> list[int]:
    return [int(part.split()[0]) for part in written(line).split(b"HTTP/1.1 ")[1:]]
