"""Inference over REST by callbacks, and nothing else: what a server in Python can cost at the least.

`python limit_app.py MODEL.onnx THREADS PORT NAME MAX_BATCH` answers the Open Inference Protocol on loopback, as JSON
or with binary tensors. No request has a task or a future, none is checked, timed or counted; one that cannot be read
loses its connection. With a MAX_BATCH above 1, what the loop has read at once is computed together.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import httptools
import numpy as np
import onnxruntime
import orjson
import uvloop

DTYPES = {
    "bool": "BOOL",
    **{f"uint{bits}": f"UINT{bits}" for bits in (8, 16, 32, 64)},
    **{f"int{bits}": f"INT{bits}" for bits in (8, 16, 32, 64)},
    **{name: f"FP{bits}" for name, bits in (("float16", 16), ("float", 32), ("double", 64))},
}
"""The protocol's datatype for each element type of ONNX Runtime."""
Bytes = bytes | memoryview


class Asked(NamedTuple):
    """A request that has been read."""

    inputs: dict[str, Bytes]
    shapes: dict[str, list[int]]
    samples: int
    raw: bool
    answer: Callable[[bytes, int], None]
    """Takes a body, and how much of it is JSON if raw tensors follow."""


class Model:
    def __init__(self, path: str, threads: int, name: str, max_batch: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.name, self.max_batch = name, max_batch
        self.inputs, self.outputs = _described(self.session.get_inputs()), _described(self.session.get_outputs())
        self.dtypes = {tensor["name"]: _dtype(tensor["datatype"]) for tensor in self.inputs}
        self.names = [tensor["name"] for tensor in self.outputs]

    def metadata(self) -> bytes:
        return orjson.dumps({"name": self.name, "platform": "onnx", "inputs": self.inputs, "outputs": self.outputs})

    def read(self, body: bytes, json_bytes: int, answer: Callable[[bytes, int], None]) -> Asked:
        """`json_bytes` of the body are JSON, all if it is 0; raw tensors follow."""
        raw = memoryview(body)[json_bytes:]
        head = orjson.loads(body[:json_bytes] if json_bytes else body)
        inputs: dict[str, Bytes] = {}
        shapes: dict[str, list[int]] = {}
        for tensor in head["inputs"]:
            name, shapes[name] = tensor["name"], tensor["shape"]
            if json_bytes:
                size = tensor["parameters"]["binary_data_size"]
                inputs[name], raw = raw[:size], raw[size:]
            else:
                inputs[name] = np.array(tensor["data"], self.dtypes[name]).tobytes()
        wants_raw = head.get("parameters", {}).get("binary_data_output", False)
        return Asked(inputs, shapes, shapes[name][0], wants_raw, answer)

    def answer(self, requests: list[Asked]) -> None:
        """All in one call; their shapes are alike but for the samples."""
        first = requests[0]
        feed = {}
        for name, shape in first.shapes.items():
            # Joined as bytes, which costs less than to concatenate arrays.
            data = first.inputs[name] if len(requests) == 1 else b"".join([asked.inputs[name] for asked in requests])
            feed[name] = np.frombuffer(data, self.dtypes[name]).reshape(-1, *shape[1:])
        outputs = self.session.run(self.names, feed)
        start = 0
        for asked in requests:
            end = start + asked.samples
            asked.answer(*self._written(asked, [values[start:end] for values in outputs]))
            start = end

    def _written(self, asked: Asked, outputs: list[np.ndarray]) -> tuple[bytes, int]:
        described: list[dict[str, Any]] = []
        raw: list[bytes] = []
        for tensor, values in zip(self.outputs, outputs, strict=True):
            of: dict[str, Any] = {"name": tensor["name"], "datatype": tensor["datatype"], "shape": values.shape}
            if asked.raw:
                raw.append(values.tobytes())
                of["parameters"] = {"binary_data_size": len(raw[-1])}
            else:
                of["data"] = values.ravel().tolist()
            described.append(of)
        text = orjson.dumps({"model_name": self.name, "outputs": described})
        return b"".join((text, *raw)), len(text) if asked.raw else 0


class Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, server: "Server") -> None:
        self.server = server
        self.parser = httptools.HttpRequestParser(self)
        self.url, self.parts, self.json_bytes = b"", list[bytes](), 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:  # also where a callback fails
            self.transport.abort()

    def on_url(self, url: bytes) -> None:
        self.url, self.parts, self.json_bytes = url, [], 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"inference-header-content-length":
            self.json_bytes = int(value)

    def on_body(self, body: bytes) -> None:
        self.parts.append(body)

    def on_message_complete(self) -> None:
        if self.url == self.server.infer_path:
            body = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
            self.server.arrived(self.server.model.read(body, self.json_bytes, self.answer))
        elif (page := self.server.pages.get(self.url)) is not None:
            self.answer(page, 0)
        else:
            self.transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")

    def answer(self, body: bytes, json_bytes: int) -> None:
        kind = b"application/octet-stream\r\ninference-header-content-length: %d" % json_bytes
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
        self.transport.write(head % (kind if json_bytes else b"application/json", len(body)) + body)


class Server:
    def __init__(self, model: Model, loop: asyncio.AbstractEventLoop) -> None:
        self.model, self.loop = model, loop
        self.infer_path = f"/v2/models/{model.name}/infer".encode()
        self.pages = {
            b"/v2": orjson.dumps({"name": "limit", "version": f"of onnxruntime {onnxruntime.__version__}"}),
            b"/v2/health/ready": b"{}",
            f"/v2/models/{model.name}".encode(): model.metadata(),
        }
        self.waiting: list[Asked] = []

    def arrived(self, asked: Asked) -> None:
        if self.model.max_batch == 1:
            self.model.answer([asked])
            return
        if not self.waiting:
            self.loop.call_soon(self.compute)  # when all sockets that have something are read
        self.waiting.append(asked)

    def compute(self) -> None:
        waiting, self.waiting = self.waiting, []
        for start in range(0, len(waiting), self.model.max_batch):
            self.model.answer(waiting[start : start + self.model.max_batch])


async def serve(model: Model, port: int) -> None:
    server = Server(model, loop := asyncio.get_running_loop())
    listening = await loop.create_server(lambda: Connection(server), "127.0.0.1", port)
    await listening.serve_forever()


def _described(tensors: list[Any]) -> list[dict[str, Any]]:
    """As metadata have them; a length that is not fixed is -1."""
    return [
        {
            "name": tensor.name,
            "datatype": DTYPES[tensor.type.removeprefix("tensor(").removesuffix(")")],
            "shape": [length if isinstance(length, int) else -1 for length in tensor.shape],
        }
        for tensor in tensors
    ]


def _dtype(datatype: str) -> np.dtype:
    return np.dtype(datatype.lower().replace("fp", "float"))


if __name__ == "__main__":
    path, threads, port, name, max_batch = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(Model(path, int(threads), name, int(max_batch)), int(port)))
