"""A request as a worker has it: what of a row is the body, when it came, and what it is answered with."""

import dataclasses
import gzip
import io
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image
from urllib3 import encode_multipart_formdata

from tests.serving.tiny_bundle import described
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.codec.instances import in_base64
from torchferry.serving.codec.pictures import Picture, Pictures
from torchferry.serving.codec.predictions_json import Request
from torchferry.serving.errors import (
    DeadlinePassed,
    InferenceFailed,
    NoPicture,
    NotDecodable,
    NotExplainable,
    TooLarge,
    UnsupportedType,
    WrongParameter,
    WrongTensor,
)
from torchferry.serving.torchserve.explain import Explainer
from torchferry.serving.torchserve.explanation import Explanation
from torchferry.serving.torchserve.worker_limits import WorkerLimits
from torchferry.serving.torchserve.worker_request import BODY_TYPE, LONGEST_QUEUE, RAW_LENGTH, STATUS, WorkerRequest

TABLE = described(columns=2)
CSV = b"0.25,0.75"
LIMITS = WorkerLimits(timeout=60, body_bytes=1000, samples=3)
REST = {"host": "a"}
ANSWERED = Explanation(target="yes", baseline="zeros", convergence_delta=0, attributions={}, pixels={})


class Explaining(Explainer):
    """Raises what it is given, if anything."""

    def __init__(self, error: Exception | None = None, bundle: Bundle | None = None) -> None:
        self.bundle, self.error, self.targets = bundle or TABLE, error, list[str | None]()

    def explain(self, request: Request, target: str | None, check_deadline: Callable[[], None]) -> Explanation:
        check_deadline()
        assert request.size == 1
        self.targets.append(target)
        if self.error:
            raise self.error
        return ANSWERED


def decoded(body: bytes = CSV, headers: Mapping[str, str] | None = None, bundle: Bundle | None = None) -> WorkerRequest:
    call = WorkerRequest(body, headers or {})
    call.decode(bundle or TABLE, LIMITS)
    return call


def late() -> dict[str, str]:
    return {"x-request-start": str(time.time() - 90)}


@pytest.mark.parametrize(
    ("row", "headers"),
    [
        ({"body": b"1,2"}, {}),
        ({"body": "1,2"}, REST),
        ({"data": bytearray(b"1,2"), "top_k": b"2"}, {}),
        ({"picture": b"1,2", "top_k": b"2", "target": b"3"}, REST),
    ],
)
def test_the_body_is_found_in_a_row_of_any_protocol(row: dict[str, Any], headers: dict[str, str]) -> None:
    call = WorkerRequest.of(row, headers)
    call.decode(TABLE, LIMITS)
    assert call.asked is not None, call.error
    assert call.asked.inputs["row"].tolist() == [[1, 2]]


def test_headers_are_known_by_small_letters_and_only_those_that_are_text() -> None:
    call = WorkerRequest.of({"body": b""}, {"Content-Type": "text/csv", "odd": None})
    assert call.headers == {"content-type": "text/csv"}


def test_top_k_and_target_are_parts_of_a_form_or_else_headers() -> None:
    headers = {"X-Top-K": "2", "X-Target": "cat"}
    parts = {"data": b"a", "top_k": b"5", "target": bytearray(b"dog")}
    found = [WorkerRequest.of(row, headers) for row in ({"body": b"a"}, parts)]
    assert [(call.top_k, call.target) for call in found] == [(b"2", b"cat"), (b"5", b"dog")]
    assert [call.labels_wanted() for call in found] == [2, 5]
    neither = WorkerRequest.of({"body": b"a"}, {})
    assert (neither.top_k, neither.target, neither.labels_wanted()) == (None, None, None)


def test_a_top_k_that_is_no_number_is_refused() -> None:
    with pytest.raises(WrongParameter, match=r"^top_k is b'many'; give how many labels are wanted$"):
        WorkerRequest(b"", {}, b"many").labels_wanted()


@pytest.mark.parametrize(
    ("headers", "protocol"),
    [
        ({"host": "a"}, "predictions"),
        ({}, "grpc-predictions"),
        ({"host": "a", "explain": "True"}, "explanations"),
        ({"host": "a", "explain": "False"}, "predictions"),
    ],
)
def test_the_protocol_shows_in_the_headers(headers: dict[str, str], protocol: str) -> None:
    assert WorkerRequest(b"", headers).protocol == protocol


@pytest.mark.parametrize(
    ("said", "arrived"),
    [
        ("99990", 99_990),
        ("100001", 100_000),
        (str(100_000 - LONGEST_QUEUE - 1), 100_000),
        ("nan", 100_000),
        ("-1e999", 100_000),
        ("soon", 100_000),
    ],
)
def test_a_gateway_says_when_a_request_arrived_if_that_can_be_true(said: str, arrived: float) -> None:
    assert WorkerRequest(b"", {"x-request-start": said}, started=100_000).arrived == arrived


def test_what_is_read_has_its_tensors_and_the_seconds_until_then() -> None:
    call = decoded()
    assert call.asked is not None
    np.testing.assert_array_equal(call.asked.inputs["row"], [[0.25, 0.75]])
    assert (call.error, call.outcome, set(call.seconds)) == (None, "ok", {"queue", "decode"})


def test_raw_elements_are_the_only_input_where_their_head_has_no_length() -> None:
    call = decoded(np.array([[1, 2], [3, 4]], np.float32).tobytes(), {RAW_LENGTH: "0"})
    assert call.asked is not None
    np.testing.assert_array_equal(call.asked.inputs["row"], [[1, 2], [3, 4]])
    assert call.asked.form == "tensors"


@pytest.mark.parametrize(
    ("body", "headers", "kind", "words", "outcome"),
    [
        (b"a,b", {}, NotDecodable, "neither JSON nor lines of numbers", "client_error"),
        (b"1,2,3", {}, WrongTensor, "the model takes", "client_error"),
        (CSV, {"content-type": "video/mp4"}, UnsupportedType, "the body is video/mp4", "client_error"),
        (
            b"",
            {"content-type": "application/x-www-form-urlencoded; charset=utf-8"},
            UnsupportedType,
            "TorchServe takes a body of application/x-www-form-urlencoded apart; send application/octet-stream",
            "client_error",
        ),
        (CSV, {RAW_LENGTH: "12"}, NotDecodable, f"{RAW_LENGTH} is 12; TorchServe takes raw", "client_error"),
        (CSV, late(), DeadlinePassed, "the request was not answered within 60 s", "deadline"),
    ],
)
def test_what_cannot_be_read_is_the_calls_error(
    body: bytes, headers: dict[str, str], kind: type[Exception], words: str, outcome: str
) -> None:
    call = decoded(body, headers)
    assert (call.asked, type(call.error), call.outcome) == (None, kind, outcome)
    assert words in str(call.error)
    assert kind in STATUS


def test_what_torchserve_takes_apart_is_told_with_the_type_to_send() -> None:
    """It makes the parts of a form of a picture's bytes; the gateway passes a body on as it was sent."""
    headers = REST | {"content-type": "application/x-www-form-urlencoded"}
    for row in ({"body": b""}, {"\x89PNG": b"", "a": "b"}):
        call = WorkerRequest.of(row, headers)
        call.decode(TABLE, LIMITS)
        assert isinstance(call.error, UnsupportedType)
        assert "send application/octet-stream" in str(call.error)


def form(*parts: tuple[str, str | bytes]) -> tuple[bytes, dict[str, str]]:
    """As the gateway passes it on."""
    body, kind = encode_multipart_formdata(parts)
    return body, {"content-type": "application/octet-stream", BODY_TYPE: kind}


def test_a_form_is_read_here_where_the_gateway_says_that_it_is_one() -> None:
    call = decoded(*form(("rows", CSV), ("top_k", "1"), ("target", "yes")))
    assert call.asked is not None
    assert (call.labels_wanted(), call.target) == (1, b"yes")


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ((("rows", CSV), ("others", CSV)), "the form has others and rows for the model; it takes one part"),
        ((("data", CSV), ("data", CSV)), "the form has more than one part called 'data'"),
        ((("data", CSV), ("top_k", "1"), ("top_k", "2")), "the form has more than one part called 'top_k'"),
    ],
)
def test_a_form_that_may_mean_several_things_is_refused(parts: Any, words: str) -> None:
    assert words in str(decoded(*form(*parts)).error)


def test_of_parts_that_torchserve_has_taken_apart_none_is_left_out() -> None:
    for row, said in (({"picture": b"a", "other": b"b", "top_k": b"2"}, "other and picture"), ({}, "no part")):
        call = WorkerRequest.of(row, REST | {"content-type": "multipart/form-data; boundary=a"})
        call.decode(TABLE, LIMITS)
        words = "for the model; it takes one part; several inputs go as JSON"
        assert str(call.error) == f"the form has {said} {words}"


@pytest.mark.parametrize("row", [{"data": b"a", "other": b"b"}, {"file": b"a"}, {"top_k": b"3"}])
def test_nothing_of_a_grpc_call_is_left_out(row: dict[str, bytes]) -> None:
    call = WorkerRequest.of(row, {})
    call.decode(TABLE, LIMITS)
    assert "it has one of data and body, and may have top_k and target" in str(call.error)


def test_a_packed_body_is_unpacked_within_the_limit() -> None:
    call = decoded(gzip.compress(CSV), {"content-encoding": "gzip"})
    assert call.asked is not None
    assert "more than 1,000 bytes" in str(decoded(gzip.compress(bytes(2000)), {"content-encoding": "gzip"}).error)


GREY = ImageDecode(mode="L", height=2, width=2, interpolation="bilinear")
PICTURES = described(inputs=(TensorSpec(name="image", datatype="UINT8", shape=(-1, 1, 2, 2), decode=GREY),))


def pictures(count: int) -> bytes:
    """As instances of 25 pixels each."""
    file = io.BytesIO()
    Image.new("L", (5, 5)).save(file, "PNG")
    return json.dumps({"instances": [in_base64(file.getvalue())] * count}).encode()


def test_more_pixels_than_are_allowed_are_refused_before_one_is_decoded() -> None:
    limits = WorkerLimits(pixels=60)
    fits, beyond = WorkerRequest(pictures(2), {}), WorkerRequest(pictures(3), {})
    fits.decode(PICTURES, limits)
    beyond.decode(PICTURES, limits)
    assert fits.asked is not None
    assert fits.asked.inputs["image"].shape == (2, 1, 2, 2)
    assert (type(beyond.error), str(beyond.error)) == (TooLarge, "the 3 pictures have 75 pixels; a request may have 60")


def test_what_is_late_begins_no_further_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    call, begun = WorkerRequest(pictures(9), {}), list[int]()

    def decode(_pictures: Pictures, shown: Picture) -> None:
        begun.append(shown.sample)
        call.started -= 20

    monkeypatch.setattr(Pictures, "decode", decode)
    call.decode(PICTURES, WorkerLimits(timeout=60))
    assert (type(call.error), begun) == (DeadlinePassed, [0, 1, 2])


def test_more_samples_than_are_allowed_are_refused() -> None:
    assert decoded(b"1,2\n" * 3).error is None
    assert str(decoded(b"1,2\n" * 4).error) == "the body has more than 3 lines; 3 are allowed"


def test_a_bug_in_reading_is_that_of_one_call() -> None:
    call = decoded(bundle=dataclasses.replace(TABLE, inputs=()))
    assert (type(call.error), call.outcome) == (InferenceFailed, "server_error")
    assert "a bug of the server" in str(call.error)


def test_an_explanation_is_of_the_target_that_was_sent() -> None:
    call, explainer = decoded(), Explaining()
    call.target = b"yes\xff"
    call.explain(explainer, timeout=60)
    assert (explainer.targets, call.explanation, call.error) == (["yes\ufffd"], ANSWERED, None)
    assert (call.batch_size, set(call.seconds)) == (1, {"queue", "decode", "batch_wait", "inference"})


@pytest.mark.parametrize(
    ("raised", "kind", "words"),
    [
        (NotExplainable("no gradient"), NotExplainable, "no gradient"),
        (InferenceFailed("no captum"), InferenceFailed, "no captum"),
        (RuntimeError("secret"), InferenceFailed, "the explanation cannot be computed"),
    ],
)
def test_what_an_explanation_raises_is_the_calls_error(raised: Exception, kind: type[Exception], words: str) -> None:
    call = decoded()
    call.explain(Explaining(raised), timeout=60)
    assert (call.explanation, type(call.error), str(call.error)) == (None, kind, words)
    assert "inference" in call.seconds


def test_no_picture_is_drawn_of_a_row_and_nothing_after_the_deadline() -> None:
    drawn, explainer = decoded(headers={"accept": "image/png"}), Explaining()
    drawn.explain(explainer, timeout=60)
    assert (type(drawn.error), explainer.targets) == (NoPicture, [])
    assert str(drawn.error) == "tiny takes no image to draw on; accept application/json"
    slow = decoded()
    slow.explain(explainer, timeout=-1)
    assert (type(slow.error), explainer.targets) == (DeadlinePassed, [])
