"""Request and response formats of the handler, on a running TorchServe."""

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import urllib3
from PIL import Image
from urllib3 import encode_multipart_formdata

PATH = "/predictions/digits-onnx-fp32"
RAW_LENGTH = "Inference-Header-Content-Length"
PIXELS = np.arange(64, dtype=np.uint8).reshape(1, 1, 8, 8) % 17


def ask(addresses: Mapping[str, str], body: bytes, headers: Mapping[str, str]) -> urllib3.BaseHTTPResponse:
    return urllib3.request("POST", addresses["rest"] + PATH, body=body, headers=dict(headers), retries=False)


def ask_json(addresses: Mapping[str, str], content: Any) -> Any:
    answer = ask(addresses, json.dumps(content).encode(), {"Content-Type": "application/json"})
    assert answer.status == 200, answer.data
    return answer.json()


def tensors() -> dict[str, Any]:
    data = PIXELS.ravel().tolist()
    return {"inputs": [{"name": "image", "shape": list(PIXELS.shape), "datatype": "UINT8", "data": data}]}


@pytest.fixture(scope="module")
def image(samples: Path) -> bytes:
    return next(samples.glob("*/*.png")).read_bytes()


@pytest.fixture(scope="module")
def label(addresses: dict[str, str], image: bytes) -> dict[str, Any]:
    return dict(ask(addresses, image, {"Content-Type": "image/png"}).json())


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
def test_images_of_four_formats_are_taken(addresses: dict[str, str], image: bytes, kind: str) -> None:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(image)).save(buffer, kind)
    assert ask(addresses, buffer.getvalue(), {"Content-Type": "application/octet-stream"}).json()["label"]


@pytest.mark.parametrize("name", ["data", "body", "picture"])
def test_a_form_may_carry_the_image(addresses: dict[str, str], image: bytes, label: dict[str, Any], name: str) -> None:
    body, kind = encode_multipart_formdata({name: ("0.png", image, "image/png")})
    assert ask(addresses, body, {"Content-Type": kind}).json() == label


def test_top_k_says_how_many_labels_are_wanted(addresses: dict[str, str], image: bytes, label: dict[str, Any]) -> None:
    form, kind = encode_multipart_formdata({"data": ("0.png", image, "image/png"), "top_k": "2"})
    for body, headers in ((image, {"X-Top-K": "2"}), (form, {"Content-Type": kind})):
        assert ask(addresses, body, headers).json()["top_k"] == label["top_k"][:2]
    for wrong in ("0", "-1", "many"):
        answer = ask(addresses, image, {"X-Top-K": wrong})
        assert (answer.status, "top_k" in answer.json()["detail"]) == (422, True)


def test_instances_are_answered_with_a_prediction_each(
    addresses: dict[str, str], image: bytes, label: dict[str, Any]
) -> None:
    file = {"b64": base64.b64encode(image).decode()}
    expected = {name: value for name, value in label.items() if name != "model"}
    for instances in ([file, file], [{"image": file}, {"image": file}]):
        answer = ask_json(addresses, {"instances": instances})
        assert [entry["label"] for entry in answer["predictions"]] == [expected["label"]] * 2
    numbers = ask_json(addresses, {"instances": PIXELS.tolist()})
    assert len(numbers["predictions"]) == 1


def test_raw_elements_are_taken_and_given(addresses: dict[str, str]) -> None:
    expected = np.array(ask_json(addresses, tensors())["outputs"][0]["data"], np.float32)
    raw = {RAW_LENGTH: "0", "Content-Type": "application/octet-stream", "Accept": "application/octet-stream"}
    answer = ask(addresses, PIXELS.tobytes(), raw)
    assert answer.status == 200, answer.data
    length = int(answer.headers[RAW_LENGTH])
    head = json.loads(answer.data[:length])
    assert head["outputs"][0]["shape"] == [1, 10]
    np.testing.assert_array_equal(np.frombuffer(answer.data[length:], np.float32), expected)


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (b"x", {"Content-Type": "video/mp4"}, 415, "the body is video/mp4"),
        (bytes(65), {RAW_LENGTH: "0"}, 422, "65 bytes; a sample of 'image' has 64"),
        (b"", {RAW_LENGTH: "0"}, 422, "0 bytes"),
        (bytes(64), {RAW_LENGTH: "x"}, 400, "raw elements alone"),
        (b"[" * 9999, {}, 400, "not JSON of the form"),
        (b'{"instances": []}', {}, 422, "'instances' is not a list of 1 to 1024 samples"),
        (b'{"instances": [{"picture": 1}]}', {}, 422, "the model takes 'image'"),
        (b'{"instances": [{"b64": "?"}]}', {}, 400, "an instance is not of the form"),
        (b'{"instances": [{"b64": "aGk="}, 3]}', {}, 400, "image"),
        (b'{"instances": [NaN]}', {}, 422, "data"),
        (b'{"instances": ["a"]}', {}, 400, "an instance is not of the form"),
    ],
)
def test_what_the_client_did_wrong_is_a_4xx(
    addresses: dict[str, str], body: bytes, headers: dict[str, str], status: int, words: str
) -> None:
    answer = ask(addresses, body, headers)
    assert answer.status == status, answer.data
    assert set(answer.json()) == {"error", "code", "detail"}
    assert words in answer.json()["detail"]


def test_too_large_an_image_is_refused_before_it_is_unpacked(addresses: dict[str, str]) -> None:
    buffer = io.BytesIO()
    Image.new("1", (12000, 12000)).save(buffer, "PNG")
    answer = ask(addresses, buffer.getvalue(), {"Content-Type": "image/png"})
    assert (answer.status, "12000 x 12000 pixels" in answer.json()["detail"]) == (413, True)
