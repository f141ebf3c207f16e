"""A worker's metrics of its calls, and none where no launcher collects them."""

from collections.abc import Iterable

import numpy as np
import pytest
from prometheus_client import Metric

from tests.serving.tiny_bundle import described
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.predicted_labels import GOLDEN
from torchferry.serving.errors import DeadlinePassed, NotDecodable
from torchferry.serving.torchserve.worker_metrics import NullMetrics, SharedMetrics, worker_metrics
from torchferry.serving.torchserve.worker_request import WorkerRequest

MODEL = "tiny-onnx-fp32"
OUTPUTS = {"probabilities": np.array([[0.1, 0.9], [0.2, 0.8], [0.7, 0.3]], np.float32)}


def value(metrics: Iterable[Metric], suffix: str = "", **labels: str) -> float:
    """Of the one sample whose name ends so, with these labels among its own."""
    [found] = [
        sample.value
        for metric in metrics
        for sample in metric.samples
        if sample.name.endswith(suffix) and labels.items() <= sample.labels.items()
    ]
    return found


@pytest.fixture
def files() -> SharedMetrics:
    return SharedMetrics(MODEL, described(version="3.0"))


def test_calls_are_counted_only_where_the_launcher_reads_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)
    metrics = worker_metrics(MODEL, described())
    assert isinstance(metrics, NullMetrics)
    metrics.began(1)
    metrics.finished(WorkerRequest(b"", {}))
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "/nowhere")
    assert isinstance(worker_metrics(MODEL, described()), SharedMetrics)


def test_a_call_is_counted_by_protocol_and_by_what_became_of_it(files: SharedMetrics) -> None:
    for call in (
        WorkerRequest(b"", {"host": "a"}),
        WorkerRequest(b"", {"host": "a"}, error=DeadlinePassed()),
        WorkerRequest(b"", {}, error=NotDecodable()),
    ):
        files.finished(call)
    of = {"model": MODEL, "version": "3.0"}
    for protocol, outcome in (("predictions", "ok"), ("predictions", "deadline"), ("grpc-predictions", "client_error")):
        assert value(files.requests.collect(), "_total", **of, protocol=protocol, outcome=outcome) == 1
    assert value(files.request.collect(), "_count", **of, protocol="predictions") == 2


def test_calls_are_in_flight_from_their_beginning_to_their_end(files: SharedMetrics) -> None:
    files.began(3)
    assert value(files.in_flight.collect()) == 3
    for _ in range(3):
        files.finished(WorkerRequest(b"", {}))
    assert value(files.in_flight.collect()) == 0


def test_a_stage_is_observed_by_those_that_had_it_and_takes_no_less_than_no_time(files: SharedMetrics) -> None:
    files.finished(WorkerRequest(b"", {}, seconds={"queue": 0.5, "decode": -0.001}, batch_size=4))
    files.finished(WorkerRequest(b"", {}, seconds={"queue": 0.25}))
    sums = {stage: value(found.collect(), "_sum") for stage, found in files.stages.items()}
    assert sums == {"queue": 0.75, "decode": 0, "batch_wait": 0, "inference": 0, "encode": 0}
    assert value(files.stages["decode"].collect(), "_count") == 1
    assert (value(files.batch_size.collect(), "_sum"), value(files.batch_size.collect(), "_count")) == (4, 1)


def test_predictions_are_counted_by_label_but_not_those_of_a_golden_check(files: SharedMetrics) -> None:
    files.finished(WorkerRequest(b"", {}, outputs=OUTPUTS))
    files.finished(WorkerRequest(b"", {GOLDEN: "1"}, outputs=OUTPUTS))
    files.finished(WorkerRequest(b"", {}))
    assert [value(found.collect(), "_total") for found in files.predictions] == [1, 2]


def test_of_several_labels_each_is_counted() -> None:
    files = SharedMetrics(MODEL, described(task="multilabel"))
    files.finished(WorkerRequest(b"", {}, outputs={"probabilities": np.array([[0.5, 0.9], [0.2, 0.8], [0.1, 0.3]])}))
    assert [value(found.collect(), "_total") for found in files.predictions] == [1, 2, 1]


def test_an_output_that_gave_way_to_an_inputs_name_is_counted() -> None:
    renamed = (TensorSpec(name="probabilities_output", datatype="FP32", shape=(-1, 2)),)
    files = SharedMetrics(MODEL, described(outputs=renamed))
    files.finished(WorkerRequest(b"", {}, outputs={"probabilities_output": OUTPUTS["probabilities"]}))
    assert [value(found.collect(), "_total") for found in files.predictions] == [1, 2]


def test_what_cannot_be_counted_harms_no_answer(files: SharedMetrics, caplog: pytest.LogCaptureFixture) -> None:
    files.began(2)
    files.finished(WorkerRequest(b"", {}, outputs={"probabilities": np.array([[0, 0, 1]])}))
    files.finished(WorkerRequest(b"", {}, outputs=OUTPUTS))
    assert [value(found.collect(), "_total") for found in files.predictions] == [1, 2]
    assert value(files.in_flight.collect()) == 0
    assert "cannot be counted: ValueError: its counts are [3], and it has 2 labels" in caplog.text


def test_where_there_are_no_classes_no_predictions_are_counted() -> None:
    files = SharedMetrics(MODEL, described(task="regression"))
    files.finished(WorkerRequest(b"", {}, outputs=OUTPUTS))
    assert files.predictions == []
    assert value(files.requests.collect(), "_total") == 1
