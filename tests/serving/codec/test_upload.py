"""TorchServe's path: a file in a request's body, sent in any of the ways in which clients send files."""

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from urllib3 import encode_multipart_formdata

from tests.serving.onnx_server.asking import ask, tensor

DIGITS, TABLE = "/predictions/digits", "/predictions/table"
ROW = "1,2,3,4,5,6,7,8"


@pytest.fixture(scope="module")
def rest(several: dict[str, str]) -> str:
    return several["rest"]


@pytest.fixture(scope="module")
def image(samples: Path) -> bytes:
    return sorted(samples.glob("*/*.png"))[0].read_bytes()


def form(*parts: tuple[str, bytes], boundary: str = "----WebKitFormBoundaryAb1") -> bytes:
    """As a browser writes it: `parts` are headers' lines and contents."""
    written = [f"--{boundary}\r\n{head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts]
    return b"".join([*written, f"--{boundary}--\r\n".encode()])


@pytest.mark.parametrize("path", [DIGITS, f"{DIGITS}/1.0", f"{DIGITS}/stable"])
def test_an_images_bytes_get_labels(rest: str, path: str, image: bytes) -> None:
    for content_type in ("image/png", "application/octet-stream", "application/x-www-form-urlencoded", ""):
        answer = ask(rest, path, image, {"Content-Type": content_type} if content_type else {})
        assert (answer.status, answer.json["model"]) == (200, "digits")
        assert answer.json["label"] == answer.json["top_k"][0]["label"]
        assert len(answer.json["top_k"]) == 5


FILE = 'Content-Disposition: form-data; name="data"; filename="0.png"\r\nContent-Type: image/png'
OTHER = 'Content-Disposition: form-data; name="comment"'


@pytest.mark.parametrize(
    ("heads", "written_as"),
    [
        ([FILE], "browser"),
        ([FILE.replace("data", "image")], "another name"),
        (['Content-Disposition: form-data; name="data"'], "a field"),
        (["content-disposition: form-data; name=data; filename=0.png"], "no quotes"),
        ([FILE.replace("0.png", 'k\u00e4se \\"; \u2713.png')], "an odd file name"),
        ([OTHER, FILE], "another part before it"),
        ([FILE, OTHER], "another part behind it"),
    ],
)
def test_forms_as_clients_write_them(rest: str, image: bytes, heads: list[str], written_as: str) -> None:
    body = form(*((head, b"hello" if head == OTHER else image) for head in heads))
    for content_type in (
        "multipart/form-data; boundary=----WebKitFormBoundaryAb1",
        'Multipart/Form-Data; charset=utf-8; boundary="----WebKitFormBoundaryAb1"',
    ):
        answer = ask(rest, DIGITS, body, {"Content-Type": content_type})
        assert answer.status == 200, (written_as, answer.body)
        assert answer.json == ask(rest, DIGITS, image).json


def test_a_form_of_urllib3_with_a_large_file(rest: str, image: bytes) -> None:
    """Larger than what the parser would keep in memory of itself, and than what comes in one piece."""
    body, content_type = encode_multipart_formdata({"data": ("0.png", image + bytes(3_000_000))})
    assert ask(rest, DIGITS, body, {"Content-Type": content_type}).json == ask(rest, DIGITS, image).json


@pytest.mark.parametrize(
    ("body", "content_type", "status", "words"),
    [
        (form((FILE, b"")), "multipart/form-data", 400, "without a boundary"),
        (b"", "multipart/form-data; boundary=x", 400, "the form has 0 parts"),
        (form((OTHER, b"a"), (FILE.replace("data", "b"), b"b")), "", 400, "the form has 2 parts"),
        (b"--y\r\nnonsense", "multipart/form-data; boundary=x", 400, "multipart/form-data"),
        (form((FILE, b"\x89PNG"))[:-30], "", 400, ""),
        (b"<image/>", "application/xml", 415, "the body is application/xml; image/*"),
        (b"not an image", "image/png", 400, "are not an image"),
        (b"", "image/png", 400, "are not an image"),
    ],
)
def test_a_body_that_is_no_upload(rest: str, body: bytes, content_type: str, status: int, words: str) -> None:
    content_type = content_type or "multipart/form-data; boundary=----WebKitFormBoundaryAb1"
    answer = ask(rest, DIGITS, body, {"Content-Type": content_type})
    assert (answer.status, words in answer.json["detail"]) == (status, True), answer.body


def test_tensors_as_json_get_tensors(rest: str) -> None:
    body = {"inputs": [tensor("image", np.zeros((2, 1, 8, 8), np.uint8))]}
    predicted, inferred = (ask(rest, path, body).json for path in (DIGITS, "/v2/models/digits/infer"))
    assert predicted["outputs"][0]["shape"] == [2, 10]
    np.testing.assert_allclose(predicted["outputs"][0]["data"], inferred["outputs"][0]["data"], atol=1e-6)


def test_rows_of_a_table(rest: str) -> None:
    one = ask(rest, TABLE, ROW.encode(), {"Content-Type": "text/csv"}).json
    assert {each["label"] for each in one["top_k"]} == {"no", "yes"}
    assert sum(each["probability"] for each in one["top_k"]) == pytest.approx(1)
    numbers = np.array([ROW.split(",")], np.float32)
    (output,) = ask(rest, "/v2/models/table/infer", {"inputs": [tensor("row", numbers)]}).json["outputs"]
    probabilities = {each["label"]: each["probability"] for each in one["top_k"]}
    assert probabilities["yes"] == pytest.approx(output["data"][0])
    three = ask(rest, TABLE, f"{ROW}\r\n-1e3,.5,0,0,0,0,0,0\n{ROW}".encode()).json["predictions"]
    assert len(three) == 3
    assert three[0] == three[2]
    assert three[0]["probability"] == pytest.approx(one["probability"])


@pytest.mark.parametrize(
    ("rows", "status", "words"),
    [
        ("1,2,3", 422, "has shape [1, 3]; the model takes [-1, 8]"),
        (f"{ROW}\n1,2", 422, "rows of different lengths"),
        ("", 422, "the body has no lines; the model takes rows of 8 numbers"),
        ("a,b,c,d,e,f,g,h", 400, "neither JSON nor lines of numbers"),
        ("1e99,2,3,4,5,6,7,8", 422, "the range of FP32"),
        ("nan,2,3,4,5,6,7,8", 422, "'row' is missing (NaN) at [0, 0]; the model does not take missing values"),
        ("1,,3,4,5,6,7,8", 422, "'row' is missing (NaN) at [0, 1]"),
        ("inf,2,3,4,5,6,7,8", 422, "'row' is infinite at [0, 0]; finite numbers are taken"),
    ],
)
def test_rows_that_do_not_fit(rest: str, rows: str, status: int, words: str) -> None:
    answer = ask(rest, TABLE, rows.encode(), {"Content-Type": "text/csv"})
    assert (answer.status, words in answer.json["detail"]) == (status, True), answer.body


@pytest.mark.parametrize("path", [DIGITS, "/v2/models/digits/infer"])
def test_compressed_bodies(rest: str, path: str, image: bytes) -> None:
    body: Any = {"inputs": [tensor("image", np.zeros((9, 1, 8, 8), np.uint8))]}
    sent = image if path == DIGITS else json.dumps(body).encode()
    expected = ask(rest, path, sent).json
    zipped, deflated = gzip.compress(sent), zlib.compress(sent)
    for encoding, packed in (("gzip", zipped), ("GZip", zipped), ("deflate", deflated)):
        assert ask(rest, path, packed, {"Content-Encoding": encoding}).json == expected


def test_bodies_that_cannot_be_unpacked(rest: str, image: bytes) -> None:
    packed = gzip.compress(image)
    for encoding, body, status, words in (
        ("br", packed, 415, "Content-Encoding is br"),
        ("gzip", image, 400, "the body is not gzip"),
        ("gzip", packed[:-9], 400, "ends before its gzip does"),
        ("deflate", packed, 400, "the body is not deflate"),
        ("gzip", gzip.compress(bytes(40_000_000), mtime=0), 413, "more than 16,777,216 bytes"),
    ):
        answer = ask(rest, DIGITS, body, {"Content-Encoding": encoding})
        assert (answer.status, words in answer.json["detail"]) == (status, True), answer.body
