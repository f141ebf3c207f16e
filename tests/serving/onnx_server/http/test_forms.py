"""Requests over HTTP as an exchange takes them: which are read aside, what their headers say, and what is answered."""

import gzip
import json
from typing import Any

import numpy as np
import pytest
from urllib3 import encode_multipart_formdata

from tests.serving.onnx_server.in_process import model_of_bundle
from tests.serving.tiny_bundle import GOLDEN, written
from tests.serving.wire import in_loop
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.errors import NotDecodable, TooLarge, WrongParameter
from torchferry.serving.onnx_server.http.forms import LARGE, PredictionsForm, TensorsForm
from torchferry.serving.onnx_server.http.request import HttpRequest
from torchferry.serving.onnx_server.models.model import Model

LIMIT = 10**6


def request(**headers: bytes) -> HttpRequest:
    named = {name.replace("_", "-").encode(): value for name, value in headers.items()}
    return HttpRequest("POST", "/", named, is_last=False)


def body(values: np.ndarray = GOLDEN) -> bytes:
    tensor = {"name": "row", "shape": list(values.shape), "datatype": "FP32", "data": values.ravel().tolist()}
    return json.dumps({"inputs": [tensor]}).encode()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return written(tmp_path_factory.mktemp("tiny"))


def model(bundle: Bundle) -> Model:
    return model_of_bundle(bundle)


@pytest.mark.parametrize(
    ("size", "headers", "aside"),
    [
        (LARGE, {}, False),
        (LARGE + 1, {}, True),
        (LARGE + 1, {"inference_header_content_length": b"100"}, False),  # raw elements are only pointed at
        (LARGE + 1, {"inference_header_content_length": b"%d" % (LARGE + 1)}, True),
        (LARGE + 1, {"inference_header_content_length": b"many"}, True),
        (10, {"content_encoding": b"gzip"}, True),
    ],
)
def test_what_would_hold_up_the_others_is_read_aside(size: int, headers: dict[str, bytes], aside: bool) -> None:
    assert TensorsForm(request(**headers), bytes(size), LIMIT).is_large == aside


PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("sent", "headers", "aside"),
    [(PNG, {}, False), (b"1,2", {}, True), (b"{}", {}, True), (PNG, {"content_encoding": b"gzip"}, True)],
)
def test_a_picture_is_not_read_and_all_else_is_read_aside(sent: bytes, headers: dict[str, bytes], aside: bool) -> None:
    assert PredictionsForm(request(**headers), sent, LIMIT).is_large == aside


@in_loop
async def test_tensors_are_read_packed_or_not_and_answered_as_json(tiny: Bundle) -> None:
    for sent, headers in ((body(), {}), (gzip.compress(body()), {"content_encoding": b"gzip"})):
        form = TensorsForm(request(**headers), sent, LIMIT)
        asked = form.read(model(tiny))
        np.testing.assert_array_equal(asked.inputs["row"], GOLDEN)
        answer: Any = form.write(model(tiny), asked, {"probabilities": GOLDEN})
        headers_said, content = answer
        assert headers_said == [(b"content-type", b"application/json")]
        assert json.loads(content)["outputs"][0]["data"] == GOLDEN.ravel().tolist()


@in_loop
@pytest.mark.parametrize(
    ("length", "kind", "words"),
    [
        (b"many", b"", "is not a number of bytes"),
        (b"1" * 19, b"", "is not a number of bytes"),
        (b"0", b"application/json; charset=utf-8", "the body is not raw elements but application/json"),
    ],
)
async def test_a_length_of_the_json_that_is_none_is_refused(
    tiny: Bundle, length: bytes, kind: bytes, words: str
) -> None:
    headers = {"inference_header_content_length": length, "content_type": kind}
    with pytest.raises(NotDecodable, match=words):
        TensorsForm(request(**headers), body(), LIMIT).read(model(tiny))


@in_loop
async def test_what_unpacks_to_more_than_the_limit_is_too_large(tiny: Bundle) -> None:
    for form in (TensorsForm, PredictionsForm):
        with pytest.raises(TooLarge, match="more than 1,000 bytes"):
            form(request(content_encoding=b"gzip"), gzip.compress(bytes(10_000)), 1000).read(model(tiny))


@in_loop
async def test_predictions_are_read_aside_and_answered_with_so_many_labels(tiny: Bundle) -> None:
    form = PredictionsForm(request(x_top_k=b"1"), json.dumps({"instances": GOLDEN.tolist()}).encode(), LIMIT)
    assert form.is_large
    asked = form.read(model(tiny))
    np.testing.assert_array_equal(asked.inputs["row"], GOLDEN)
    answer: Any = form.write(model(tiny), asked, {"probabilities": GOLDEN})
    _, content = answer
    assert [len(each["top_k"]) for each in json.loads(b"".join(content))["predictions"]] == [1] * len(GOLDEN)
    with pytest.raises(WrongParameter, match="top_k is 'few'"):
        PredictionsForm(request(x_top_k=b"few"), b"", LIMIT).read(model(tiny))


@in_loop
async def test_a_target_that_nothing_would_explain_is_refused(tiny: Bundle) -> None:
    sent, kind = encode_multipart_formdata({"data": body(), "target": "cat"})
    with pytest.raises(WrongParameter, match="the form has 'target', which is read for explanations alone"):
        PredictionsForm(request(content_type=kind.encode()), sent, LIMIT).read(model(tiny))
