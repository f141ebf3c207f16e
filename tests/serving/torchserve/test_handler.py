"""TorchServe's handler in a worker: a batch of requests, and an answer or a status for each."""

import dataclasses
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tests.serving.onnx_server.asking import tensor
from tests.serving.texts_bundle import expected, texts, written_texts
from tests.serving.tiny_bundle import FILE, GOLDEN, variant, written
from tests.serving.torchserve.torchserve_exception import PredictionException
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.errors import AnswerTooLarge, BundleError
from torchferry.serving.torchserve.worker_limits import WorkerLimits
from torchferry.serving.torchserve.worker_request import RAW_LENGTH, WorkerRequest

if TYPE_CHECKING:
    from torchferry.serving.torchserve.handler import Handler

REST = {"Host": "a"}


class Context(SimpleNamespace):
    """What TorchServe hands over with a batch, and is told of it."""

    def __init__(self, folder: Path, headers: Sequence[Mapping[str, str]] = (), batch_size: int = 1) -> None:
        super().__init__(model_name="tiny-onnx-fp32", headers=headers, statuses={}, kinds={}, given={})
        self.model_yaml_config = {"torchferry": {"variant": "onnx-fp32"}}
        self.manifest = {"model": {"modelVersion": "1.0"}}
        self.system_properties = {"model_dir": str(folder), "batch_size": batch_size}

    def get_all_request_header(self, index: int) -> Mapping[str, str]:
        return REST | self.headers[index]

    def set_response_status(self, code: int, phrase: str, index: int) -> None:
        self.statuses[index] = (code, phrase)

    def set_response_content_type(self, index: int, kind: str) -> None:
        self.kinds[index] = kind

    def set_response_header(self, index: int, name: str, value: str) -> None:
        self.given[index] = (name, value)


class Fragile:
    """A session that gives rows back, and cannot compute any beside one below zero."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.sizes.append(len(inputs["row"]))
        if (inputs["row"] < 0).any():
            raise RuntimeError("secret")
        return {"probabilities": inputs["row"]}


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> "Handler":
    """Not initialized yet. In an archive its file lies at the top, and so it puts its folder before all others."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("TORCHFERRY_FAILURES", "TORCHFERRY_THREADS", "PROMETHEUS_MULTIPROC_DIR"):
        monkeypatch.delenv(name, raising=False)
    from torchferry.serving.torchserve.handler import Handler

    return Handler()


@pytest.fixture
def ready(handler: "Handler", tmp_path: Path) -> "Handler":
    handler.initialize(Context(written(tmp_path).root))
    return handler


def handle(ready: "Handler", *requests: tuple[bytes, dict[str, str]]) -> tuple[list[Any], Context]:
    context = Context(ready.bundle.root, [headers for _, headers in requests])
    return ready.handle([{"body": body} for body, _ in requests], context), context


def test_a_variant_of_another_runtime_is_answered_alike(handler: "Handler", tmp_path: Path) -> None:
    bundle = dataclasses.replace(written(tmp_path), variants={"openvino-fp32": variant()})
    bundles.write(bundle)
    context = Context(bundle.root, batch_size=3)
    context.model_yaml_config = {"torchferry": {"variant": "openvino-fp32"}}
    handler.initialize(context)
    answers, _ = handle(handler, (b"0.1,0.9", {}), (b"0.8,0.2", {}))
    assert [json.loads(answer)["label"] for answer in answers] == ["yes", "no"]


def test_each_of_a_batch_gets_its_own_answer_or_status(ready: "Handler") -> None:
    late = {"X-Request-Start": str(time.time() - 90)}
    ready.limits = WorkerLimits(timeout=60)
    wrong = [(b"a,b", {}), (b"1", {}), (b"1,2", {"Content-Type": "video/mp4"}), (b"1,2", {"X-Top-K": "x"})]
    answers, context = handle(ready, (b"0.1,0.9", {}), *wrong, (b"1,2", late), (b"0.8,0.2", {"X-Top-K": "1"}))
    contents = [json.loads(answer) for answer in answers]
    assert [contents[index]["label"] for index in (0, 6)] == ["yes", "no"]
    assert [len(contents[index]["top_k"]) for index in (0, 6)] == [2, 1]
    assert context.statuses == {
        1: (400, "Bad Request"),
        2: (422, "Unprocessable Content"),
        3: (415, "Unsupported Media Type"),
        4: (422, "Unprocessable Content"),
        5: (504, "Gateway Timeout"),
    }
    words = "the request was not answered within 60 s"
    assert contents[5] == {"error": "Gateway Timeout", "code": "deadline_passed", "detail": words}
    assert set(context.kinds.values()) == {"application/json"}


def test_what_is_late_begins_no_further_part_of_a_batch(ready: "Handler") -> None:
    class Slow(Fragile):
        def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
            if len(self.sizes) == 2:
                ready.limits = WorkerLimits(timeout=0)
            return super().run(inputs)

    ready.session = session = Slow()
    ready.bundle = dataclasses.replace(ready.bundle, max_batch=2)
    _, context = handle(ready, (b"1,2\n" * 9, {}))
    assert (context.statuses, session.sizes) == ({0: (504, "Gateway Timeout")}, [2, 2, 2])


def test_requests_are_computed_together_and_each_has_its_own_rows(ready: "Handler") -> None:
    ready.session = session = Fragile()
    answers, _ = handle(ready, (b"1,2", {}), (b"3,4\n5,6", {}))
    assert session.sizes == [3]
    probabilities = [entry["probability"] for entry in json.loads(answers[1])["predictions"]]
    assert (json.loads(answers[0])["probability"], probabilities) == (2, [4, 6])


def test_what_a_bundle_limits_is_computed_in_parts_and_each_request_gets_all_its_answers(
    handler: "Handler", tmp_path: Path
) -> None:
    limited = dataclasses.replace(written(tmp_path), max_batch=2)
    bundles.write(limited)
    handler.initialize(Context(limited.root, batch_size=8))
    calls: list[WorkerRequest] = []
    session = Fragile()
    handler.session.session = session  # type: ignore[attr-defined]  # which a capped one holds
    handler.metrics = SimpleNamespace(began=lambda _: None, finished=calls.append)
    answers, _ = handle(handler, (b"1,2", {}), (b"3,4\n5,6\n7,8\n9,10", {}))
    assert session.sizes == [2, 2, 1]
    assert [entry["probability"] for entry in json.loads(answers[1])["predictions"]] == [4, 6, 8, 10]
    assert [call.batch_size for call in calls] == [2, 2]


def test_what_cannot_be_computed_is_a_500_of_its_own_and_the_others_are_computed_alone(ready: "Handler") -> None:
    ready.session = session = Fragile()
    answers, context = handle(ready, (b"1,2", {}), (b"-1,0", {}), (b"5,6", {}))
    assert session.sizes == [3, 1, 1, 1]
    assert context.statuses == {1: (500, "Internal Server Error")}
    assert json.loads(answers[1])["detail"] == "the model cannot compute it"
    assert [json.loads(answers[index])["probability"] for index in (0, 2)] == [2, 6]


def test_raw_elements_are_answered_with_raw_elements_behind_their_head(ready: "Handler") -> None:
    headers = {RAW_LENGTH: "0", "Accept": "application/octet-stream"}
    [answer], context = handle(ready, (GOLDEN.tobytes(), headers))
    name, length = context.given[0]
    head, raw = json.loads(answer[: int(length)]), answer[int(length) :]
    assert (name, context.kinds[0]) == (RAW_LENGTH, "application/octet-stream")
    assert head == {
        "model_name": "tiny-onnx-fp32",
        "model_version": "1.0",
        "outputs": [
            {
                "name": "probabilities",
                "datatype": "FP32",
                "shape": [2, 2],
                "parameters": {"binary_data_size": 16},
            }
        ],
    }
    np.testing.assert_array_equal(np.frombuffer(raw, np.float32).reshape(2, 2), GOLDEN)


def test_an_explanation_beside_predictions_is_not_computed_with_them(ready: "Handler") -> None:
    ready.session = session = Fragile()
    answers, context = handle(ready, (b"1,2", {"explain": "True"}), (b"1,2", {}))
    assert (session.sizes, context.statuses) == ([1], {0: (422, "Unprocessable Content")})
    assert "onnx-fp32 has no gradients" in json.loads(answers[0])["detail"]
    assert json.loads(answers[1])["label"] == "yes"


def test_a_model_that_cannot_be_loaded_leaves_the_reason(
    handler: "Handler", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = written(tmp_path).root
    (root / FILE).write_bytes(b"")
    monkeypatch.setenv("TORCHFERRY_FAILURES", str(tmp_path))
    with pytest.raises(BundleError, match="is damaged"):
        handler.initialize(Context(root))
    assert (tmp_path / "tiny-onnx-fp32@1.0").read_text().startswith("BundleError: ")


def test_an_answer_longer_than_a_worker_may_send_is_refused_in_words(ready: "Handler") -> None:
    ready.limits = WorkerLimits(answer_bytes=200)
    rows = b"1,2\n" * 9
    answers, context = handle(ready, (b"1,2", {}), (rows, {}), (rows, {"Accept": "application/octet-stream"}))
    refused = json.loads(answers[1])
    assert (context.statuses[1], refused["code"]) == ((422, "Unprocessable Content"), "answer_too_large")
    assert "bytes, and 200 are allowed; ask for fewer samples, or take it raw" in refused["detail"]
    assert 0 not in context.statuses


def test_a_model_whose_own_answer_is_too_long_is_not_ready_and_says_why(
    handler: "Handler", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHFERRY_LIMIT_ANSWER_BYTES", "50")
    monkeypatch.setenv("TORCHFERRY_FAILURES", str(tmp_path))
    context = Context(written(tmp_path).root)
    with pytest.raises(AnswerTooLarge):
        handler.initialize(context)
    said = (tmp_path / "tiny-onnx-fp32@1.0").read_text()
    assert said.startswith("AnswerTooLarge: the answer to one golden sample has ")
    assert said.endswith("bytes of JSON, and 50 are allowed; give a larger --max-answer-bytes")


def test_a_grpc_call_alone_fails_with_a_status_and_in_a_batch_with_words(ready: "Handler") -> None:
    contexts = [Context(ready.bundle.root, [{}] * count) for count in (1, 2)]
    for context in contexts:
        vars(context)["get_all_request_header"] = context.headers.__getitem__  # without a Host
    with pytest.raises(PredictionException) as failed:
        ready.handle([{"data": b"a,b"}], contexts[0])
    assert (failed.value.error_code, "neither JSON nor lines" in failed.value.message) == (400, True)
    both = ready.handle([{"data": b"a,b"}, {"data": b"1,2"}], contexts[1])
    assert [json.loads(answer).get("code") for answer in both] == ["not_decodable", None]


def test_texts_of_other_lengths_are_each_answered_as_if_alone(handler: "Handler", tmp_path: Path) -> None:
    bundle, asked = written_texts(tmp_path), texts(40)
    calls: list[WorkerRequest] = []
    handler.initialize(Context(bundle.root))
    handler.metrics = SimpleNamespace(began=lambda _: None, finished=calls.append)
    requests = [json.dumps({"inputs": [tensor("ids", ids)]}).encode() for ids in asked]
    answers, context = handle(handler, *[(request, {}) for request in requests])
    assert not context.statuses
    for answer, ids in zip(answers, asked, strict=True):
        for output in json.loads(answer)["outputs"]:
            values = expected(ids)[output["name"]]
            assert output["shape"] == list(values.shape)
            assert np.abs(np.array(output["data"]) - values.ravel()).max() < 1e-5
    assert all(call.elements == call.sizes[0] for call in calls)
    assert 0 < sum(call.padding for call in calls) < sum(call.elements for call in calls)
    assert sum(1 / call.batch_size for call in calls) < len(calls) / 3, "several share each call"
