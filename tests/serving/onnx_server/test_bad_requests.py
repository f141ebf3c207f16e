"""Malformed requests: each has its status and message and leaves other requests alone."""

import gzip
import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from PIL import Image

from tests.serving.onnx_server.asking import LENGTH, ask
from tests.serving.wire import (
    INFER,
    PREDICT,
    body,
    message,
    stub,
)

DEEP = b"[" * 100_000 + b"]" * 100_000
FORM = {"Content-Type": "multipart/form-data; boundary=b"}
GZIP = {"Content-Encoding": "gzip"}


def png(width: int, height: int) -> bytes:
    """A file of 64 pixels whose header claims so many."""
    file = io.BytesIO()
    Image.new("L", (8, 8)).save(file, "PNG")
    content = bytearray(file.getvalue())
    content[16:24] = struct.pack(">II", width, height)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    return bytes(content)


def files(count: int) -> dict[str, Any]:
    """A BYTES tensor of so many images in base64."""
    return {"datatype": "BYTES", "shape": [count], "data": [""] * count}


@pytest.mark.parametrize(
    ("path", "sent", "headers", "status", "words"),
    [
        (INFER, b"", {}, 400, "not JSON"),
        (INFER, b"{", {}, 400, "not JSON"),
        (INFER, b"[]", {}, 400, "not JSON of the form"),
        (INFER, b"\xff", {}, 400, "not JSON"),
        (INFER, DEEP, {}, 400, "not JSON"),
        (INFER, b'{"inputs": ' + DEEP + b"}", {}, 400, "not JSON"),
        (PREDICT, DEEP, {}, 400, "not JSON"),
        (INFER, body(), {LENGTH: "x"}, 400, "is not a number"),
        (INFER, body(), {LENGTH: "9" * 5000}, 400, "is not a number"),
        (INFER, body(), {LENGTH: "9999"}, 400, "the body has"),
        (INFER, body(), GZIP, 400, "not gzip"),
        (INFER, gzip.compress(body(), mtime=0)[:-9], GZIP, 400, "ends before"),
        (PREDICT, b"not an image", {}, 400, "are not an image"),
        (PREDICT, b"", {}, 400, "are not an image"),
        (PREDICT, png(8, 8)[:40], {}, 400, "image"),
        (PREDICT, b"", {"Content-Type": "multipart/form-data"}, 400, "without a boundary"),
        (PREDICT, b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n", FORM, 400, "Field name"),
        (INFER.replace("digits", "nobody"), body(), {}, 404, "there is no model 'nobody'; there are digits"),
        (INFER.replace("/infer", "/versions/7/infer"), body(), {}, 404, "no version '7'; it has 1.0"),
        ("/nowhere", body(), {}, 404, "nothing at /nowhere"),
        ("/v2", body(), {}, 405, "takes GET"),
        (INFER, None, {}, 405, "takes POST"),
        (INFER, b"0" * (2**24 + 1), {}, 413, "16,777,216 bytes"),
        (INFER, gzip.compress(bytes(2**25), mtime=0), GZIP, 413, "16,777,216 bytes"),
        (INFER, body(shape=[2**40, 1, 8, 8]), {}, 413, "elements; 67,108,864 are allowed"),
        (INFER, body(shape=[1025, 1, 8, 8], data=[0] * 64 * 1025), {}, 413, "1025 samples; 1024 are allowed"),
        (INFER, body(**files(1025)), {}, 413, "1025 samples; 1024 are allowed"),
        (PREDICT, png(60_000, 60_000), {}, 413, "pixels; 50,000,000 are allowed"),
        (PREDICT, png(8_000, 7_000), {}, 413, "8000 x 7000 pixels"),
        (INFER, body(), {"Content-Encoding": "br"}, 415, "gzip, deflate and identity are taken"),
        (PREDICT, b"<a/>", {"Content-Type": "application/xml"}, 415, "application/xml"),
        (INFER, body(shape=[1, 1, 8, 9]), {}, 422, "shape [1, 1, 8, 9]; the model takes [-1, 1, 8, 8]"),
        (INFER, body(datatype="FP32"), {}, 422, "FP32; the model takes UINT8"),
        (INFER, body(name="picture"), {}, 422, "the model takes 'image'"),
        (INFER, body(data=[256] * 64), {}, 422, "outside 0..255"),
        (INFER, body(data=["0"] * 64), {}, 422, "data other than UINT8 numbers"),
        (INFER, body(parameters={"timeout": -1}), {}, 422, "timeout is -1"),
        (INFER, body(parameters={"priority": "first"}), {}, 422, "priority is 'first'"),
        (INFER, body(parameters={"timeout": 1}), {}, 504, "not answered within"),
    ],
    ids=lambda given: repr(given)[:30],
)
def test_each_mistake_has_its_status_and_says_what_would_be_right(
    served: dict[str, str], path: str, sent: bytes | None, headers: dict[str, str], status: int, words: str
) -> None:
    answer = ask(served["rest"], path, sent, headers)
    assert answer.status == status, answer.body
    assert set(answer.json) == {"error", "code", "detail"}
    assert words in answer.json["detail"]
    assert answer.json["detail"] in answer.json["error"]
    assert ("Allow" in answer.headers) is (status == 405)
    assert ask(served["rest"], INFER, body()).status == 200


@pytest.fixture
def calls(served: dict[str, str]) -> Iterator[Any]:
    with stub(served["grpc"]) as calls:
        yield calls


def refused(calls: Any, request: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as error:
        calls.ModelInfer(request)
    return error.value.code().name, error.value.details()


def test_grpc_says_the_same_in_its_own_codes(calls: Any) -> None:
    unknown, hurried = message(), message()
    unknown.model_name = "nobody"
    hurried.parameters["timeout"].int64_param = 1
    for request, code, words in [
        (unknown, "NOT_FOUND", "there is no model 'nobody'"),
        (message(shape=[1, 1, 8, 9]), "INVALID_ARGUMENT", "the model takes [-1, 1, 8, 8]"),
        (message(datatype="FP32"), "INVALID_ARGUMENT", "the model takes UINT8"),
        (message(datatype="?" * 100_000), "INVALID_ARGUMENT", "????"),
        (message(b"few"), "INVALID_ARGUMENT", "has 3 bytes"),
        (message(bytes(4), datatype="BYTES", shape=[1]), "INVALID_ARGUMENT", "are not an image"),
        (message(shape=[2**40, 1, 8, 8]), "RESOURCE_EXHAUSTED", "elements"),
        (message(bytes(64 * 1025), shape=[1025, 1, 8, 8]), "RESOURCE_EXHAUSTED", "1025 samples"),
        (message(bytes(17 * 2**20)), "RESOURCE_EXHAUSTED", "larger than max"),
        (hurried, "DEADLINE_EXCEEDED", "not answered within"),
    ]:
        answered, details = refused(calls, request)
        assert (answered, words in details) == (code, True), details
    assert calls.ModelInfer(message()).model_name == "digits"
