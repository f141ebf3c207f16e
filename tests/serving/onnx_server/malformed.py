"""Requests that are almost right: valid ones with something changed, the same for the same seed."""

import io
import json
import random
from typing import Any

from PIL import Image

from tests.serving.wire import INFER, PREDICT, SHAPE, body, head, message

ODD: list[Any] = [None, True, -1, 0, 2**31, 2**64, 10**30, 0.5, 1e308]
ODD += ["", "image", "\x00", "é" * 300, [], [[]], {}, [1] * 99]
VALUES = [b"", b"0", b"-1", b"99999999999999999999", b"x", b"chunked", b"gzip", b"deflate", b"br", b"\xff", b"a" * 9000]
NAMES = [b"Content-Length", b"Content-Type", b"Content-Encoding", b"Transfer-Encoding", b"Expect", b"Connection"]
NAMES += [b"Upgrade", b"traceparent", b"X-Request-Id", b"Inference-Header-Content-Length", b"Authorization", b"Host"]


def _image() -> bytes:
    file = io.BytesIO()
    Image.new("L", (8, 8), 100).save(file, "PNG")
    return file.getvalue()


def _form() -> bytes:
    opening = b'--b\r\nContent-Disposition: form-data; name="data"; filename="a.png"\r\n\r\n'
    return opening + _image() + b"\r\n--b--\r\n"


def _binary() -> bytes:
    tensor = {"name": "image", "shape": SHAPE, "datatype": "UINT8", "parameters": {"binary_data_size": 64}}
    return json.dumps({"inputs": [tensor], "outputs": [{"name": "probabilities"}]}).encode()


RICH = body(parameters={"priority": "batch", "binary_data_output": True})
BINARY = _binary()
RIGHT: list[tuple[str, bytes, dict[str, str]]] = [
    (INFER, RICH, {"Content-Type": "application/json"}),
    (INFER, BINARY + bytes(64), {"Inference-Header-Content-Length": str(len(BINARY))}),
    (INFER.replace("/infer", "/versions/1.0/infer"), body(datatype="BYTES", shape=[1], data=["iVBORw0KGgo="]), {}),
    (PREDICT, body(), {}),
    (PREDICT, _image(), {"Content-Type": "image/png"}),
    (PREDICT, _form(), {"Content-Type": "multipart/form-data; boundary=b"}),
    ("/v2/repository/index", b'{"ready": true}', {}),
]


class Malformed:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def request(self) -> bytes:
        """A body that is not what it should be, or goes to another place, in a head that is right."""
        path, content, headers = self.random.choice(RIGHT)
        kind = self.random.random()
        if kind < 0.1:
            path = "/" + "/".join(
                self.random.choices(["v2", "models", "digits", "infer", "%ff", "..", "", "a" * 99], k=5)
            )
        elif kind < 0.2:
            path, headers = self.random.choice(RIGHT)[0], self.random.choice(RIGHT)[2]
        elif kind < 0.6 and content.startswith(b"{"):
            content = self._odd_json(content)
        else:
            content = self.changed(content)
        return head(path, len(content), **headers) + content

    def stream(self) -> bytes:
        """What a connection brings that need not be HTTP any more: wrong headers, half a body, requests in a row."""
        path, content, headers = self.random.choice(RIGHT)
        whole = head(path, len(content), **headers) + content
        match self.random.randrange(6):
            case 0:
                return self.random.randbytes(self.random.randrange(1, 600))
            case 1:
                return self.changed(whole)
            case 2:
                return whole[: self.random.randrange(len(whole))]
            case 3:
                return whole * self.random.randrange(2, 6) + self.random.randbytes(50)
            case 4:
                line = self.random.choice(NAMES) + b": " + self.random.choice(VALUES)
                return whole.replace(b"\r\nHost", b"\r\n" + line + b"\r\nHost", 1)
        sizes = self.random.choice(
            [b"5\r\nhello\r\n0\r\n\r\n", b"ffffffffffffffff\r\n", b"-1\r\n", b"0\r\n", b"zz\r\n"]
        )
        return head(path, 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + sizes

    def message(self) -> bytes:
        """A gRPC message with odd values, or bytes that are none."""
        odd: list[dict[str, Any]] = [{}, {"datatype": "BYTES", "shape": [1]}, {"shape": [-1, 1, 8, 8]}]
        odd += [{"name": "é" * 99}, {"datatype": ""}]
        right = message(self.random.randbytes(self.random.choice([0, 5, 64, 64, 99])), **self.random.choice(odd))
        if self.random.random() < 0.3:
            right.parameters[self.random.choice(["priority", "x"])].string_param = self.random.choice(
                ["", "é", "9" * 99]
            )
            right.outputs.add(name=self.random.choice(["", "probabilities", "other"]))
        sent: bytes = right.SerializeToString()
        return sent if self.random.random() < 0.5 else self.changed(sent)

    def changed(self, content: bytes) -> bytes:
        made = bytearray(content)
        for _ in range(self.random.randrange(1, 5)):
            start = self.random.randrange(len(made) + 1)
            end = min(len(made), start + self.random.randrange(20))
            some = self.random.choice(
                [b"", self.random.randbytes(4), bytes(made[start:end]) * 2, b'"', b"[" * 50, b"\r\n"]
            )
            made[start:end] = some
        return bytes(made)

    def _odd_json(self, content: bytes) -> bytes:
        given, end = json.JSONDecoder().raw_decode(content.decode("latin-1"))
        places: list[tuple[Any, Any]] = []
        _collect(given, places)
        parent, key = self.random.choice(places)
        parent[key] = self.random.choice(ODD)
        return json.dumps(given).encode() + content[end:]


def _collect(value: Any, places: list[tuple[Any, Any]]) -> None:
    """Where something stands in nested lists and objects."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        places.append((value, key))
        _collect(inner, places)
