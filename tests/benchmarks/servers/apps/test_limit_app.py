"""Requests by callbacks: each answer is its own, as it was asked for, and what arrives at once is computed together."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.servers.jobs import IMAGES, PIXELS, write_model
from torchferry.benchmarks.load.oip import binary_body, json_body
from torchferry.benchmarks.servers.apps.limit_app import Connection, Model, Server

INFER = "POST /v2/models/tiny/infer"
MORE = np.arange(16, dtype=np.uint8).reshape(4, 1, 2, 2)


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.aborted = False

    def write(self, data: Any) -> None:
        self.written.append(data)

    def abort(self) -> None:
        self.aborted = True

    def answers(self) -> list[tuple[dict[str, str], bytes]]:
        """Headers and body of each, where each is one write."""
        found = []
        for answer in self.written:
            head, body = answer.split(b"\r\n\r\n", 1)
            status, *headers = head.decode().split("\r\n")
            assert status == "HTTP/1.1 200 OK"
            found.append((dict(header.split(": ") for header in headers), body))
        return found


class Asking:
    """A server of images without its port; `send` is a client that connects and sends these."""

    def __init__(self, model: Path, loop: asyncio.AbstractEventLoop, max_batch: int) -> None:
        self.server = Server(Model(str(model), 1, "tiny", max_batch), loop)

    def send(self, *pieces: bytes) -> Wire:
        connection, wire = Connection(self.server), Wire()
        connection.connection_made(wire)
        for piece in pieces:
            connection.data_received(piece)
        return wire

    def turn(self) -> None:
        """What the loop was left to do is done."""
        self.server.loop.run_until_complete(asyncio.sleep(0))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[int], Asking]]:
    """A server with a max_batch."""
    write_model(tmp_path / "model.onnx")
    with closing(asyncio.new_event_loop()) as loop:
        yield partial(Asking, tmp_path / "model.onnx", loop)


Serve = Callable[[int], Asking]


def request(body: bytes, line: str = INFER, json_bytes: int | None = None) -> bytes:
    more = "" if json_bytes is None else f"Inference-Header-Content-Length: {json_bytes}\r\n"
    return f"{line} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body


def asked(images: np.ndarray) -> bytes:
    body, json_bytes = binary_body({"image": images})
    return request(body, json_bytes=json_bytes)


def given(wire: Wire) -> list[Any]:
    """The pixels of each answer, which came raw."""
    found = []
    for headers, body in wire.answers():
        assert int(headers["content-length"]) == len(body)
        size = int(headers["inference-header-content-length"])
        (output,) = json.loads(body[:size])["outputs"]
        assert (output["name"], output["datatype"]) == ("pixels", "FP32")
        assert output["parameters"] == {"binary_data_size": len(body) - size}
        found.append(np.frombuffer(body[size:], np.float32).reshape(output["shape"]).tolist())
    return found


def test_json_is_answered_with_json(serve: Serve) -> None:
    ((headers, body),) = serve(1).send(request(json_body({"image": IMAGES}))).answers()
    assert headers == {"content-type": "application/json", "content-length": str(len(body))}
    (output,) = json.loads(body)["outputs"]
    assert output == {"name": "pixels", "datatype": "FP32", "shape": [2, 4], "data": PIXELS.ravel().tolist()}


def test_raw_tensors_are_answered_with_raw_tensors(serve: Serve) -> None:
    assert given(serve(1).send(asked(IMAGES))) == [PIXELS.tolist()]


@pytest.mark.parametrize("most", [1, 8])
def test_a_request_in_pieces_and_two_at_once_are_answered_in_turn(most: int, serve: Serve) -> None:
    asking, first = serve(most), asked(IMAGES[:1])
    wire = asking.send(first[:40], first[40:-3], first[-3:] + asked(IMAGES[1:]))
    asking.turn()
    assert given(wire) == [PIXELS[:1].tolist(), PIXELS[1:].tolist()]


def test_what_was_read_at_once_is_computed_together_up_to_the_most(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking, calls = serve(3), list[int]()
    run = asking.server.model.session.run

    def counted(names: list[str], feed: dict[str, np.ndarray]) -> Any:
        calls.append(len(feed["image"]))
        return run(names, feed)

    monkeypatch.setattr(asking.server.model.session, "run", counted)
    wires = [asking.send(asked(MORE[number : number + 1])) for number in range(4)]
    assert not any(wire.written for wire in wires)
    asking.turn()
    assert calls == [3, 1]
    assert [given(wire) for wire in wires] == [[[row]] for row in MORE.reshape(4, 4).tolist()]


def test_samples_of_several_in_one_request_are_its_own(serve: Serve) -> None:
    asking, parts = serve(8), (MORE[:1], MORE[1:3], MORE[3:])
    wires = [asking.send(asked(part)) for part in parts]
    asking.turn()
    assert [given(wire) for wire in wires] == [[part.reshape(-1, 4).tolist()] for part in parts]


def test_without_batches_each_is_computed_when_it_is_read(serve: Serve) -> None:
    asking = serve(1)
    assert [given(asking.send(asked(IMAGES[number:][:1]))) for number in range(2)] == [
        [PIXELS[:1].tolist()],
        [PIXELS[1:].tolist()],
    ]


def test_its_metadata_say_what_it_takes(serve: Serve) -> None:
    ((_, body),) = serve(1).send(request(b"", "GET /v2/models/tiny")).answers()
    said = json.loads(body)
    assert said["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 1, 2, 2]}]
    assert said["outputs"] == [{"name": "pixels", "datatype": "FP32", "shape": [-1, 4]}]


def test_another_path_is_not_found(serve: Serve) -> None:
    wire = serve(1).send(request(b"", "GET /elsewhere"))
    assert wire.written == [b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"]


@pytest.mark.parametrize("data", [b"no HTTP\r\n\r\n", request(b"{}"), request(b"no JSON"), request(b'{"inputs": []}')])
def test_what_is_no_request_loses_its_connection(data: bytes, serve: Serve) -> None:
    wire = serve(1).send(data)
    assert wire.aborted
    assert not wire.written
