"""A request as a worker has it: what of a row is the body, when it came, and what it is answered with."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from tests.serving.tiny_bundle import described
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.predictions_json import Request
from torchferry.serving.errors import (
    DeadlinePassed,
    InferenceFailed,
    NoPicture,
    NotDecodable,
    NotExplainable,
    UnsupportedType,
    WrongParameter,
    WrongTensor,
)
from torchferry.serving.torchserve.explain import Explainer
from torchferry.serving.torchserve.explanation import Explanation
from torchferry.serving.torchserve.worker_request import LONGEST_QUEUE, RAW_LENGTH, STATUS, WorkerRequest

TABLE = described(columns=2)
CSV = b"0.25,0.75"
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
    call.decode(bundle or TABLE, timeout=60)
    return call


def late() -> dict[str, str]:
    return {"x-request-start": str(time.time() - 90)}


@pytest.mark.parametrize(
    ("row", "body"),
    [
        ({"body": b"a"}, b"a"),
        ({"data": bytearray(b"a")}, b"a"),
        ({"body": "é"}, b"\xc3\xa9"),
        ({"picture": b"a", "top_k": b"2", "target": b"3"}, b"a"),
        ({"picture": b"a", "other": b"b"}, b""),
        ({"picture": b"a", "data": b"b"}, b"b"),
        ({}, b""),
    ],
)
def test_the_body_is_found_in_a_row_of_any_protocol(row: dict[str, Any], body: bytes) -> None:
    assert WorkerRequest.of(row, {}).body == body


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


def test_a_form_has_been_taken_apart_before() -> None:
    assert decoded(headers={"content-type": "multipart/form-data; boundary=a"}).error is None


def test_a_form_of_several_parts_needs_one_called_data() -> None:
    headers = {"content-type": "multipart/form-data; boundary=a"}
    call = WorkerRequest.of({"picture": b"a", "other": b"b", "top_k": b"2"}, headers)
    call.decode(TABLE, timeout=60)
    assert str(call.error) == "the form has 2 parts; one is taken, or the one called data; several inputs go as JSON"
    assert WorkerRequest.of({"data": b"a", "other": b"b"}, headers).parts == ()


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
