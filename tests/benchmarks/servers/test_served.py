"""A server that is up: its figures count only where every request was answered, and a signal ends it."""

import json
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.load.peers import nobody, pages
from tests.benchmarks.report.written import measurement
from tests.benchmarks.servers.jobs import PIXELS, a_job
from torchferry.benchmarks.load.measurement import Measurement
from torchferry.benchmarks.servers.peer import Offered
from torchferry.benchmarks.servers.served import Served, answers, described, infer, target_of
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.errors import UserError
from torchferry.serving.bundle.tensor_spec import TensorSpec

GOOD = replace(measurement(50), percentiles_ms={"p50": 1.0, "p99": 2.0}, achieved_rate=49.0, requests=100)
OFFERED = Offered(p50_ms=1, p99_ms=2, rate=49, requests=100)
LATE = replace(GOOD, void="the generator itself was 9.0 ms late at p99")
Measured = Callable[..., tuple[Served, list[float]]]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Measured:
    """One whose load ends in these ways, one after the other, and the rates that were asked for."""

    def make(*results: Measurement) -> tuple[Served, list[float]]:
        ends = iter(results)
        asked: list[float] = []

        def measure(_target: object, rate: float, options: Namespace) -> Measurement:
            del options
            asked.append(rate)
            return next(ends)

        for name in ("measure_open", "measure_closed"):
            monkeypatch.setattr(f"torchferry.benchmarks.servers.served.{name}", measure)
        given: dict[str, Any] = {"process": None, "server": "x", "threads": 1, "golden": {}, "target": None}
        return Served(**given), asked

    return make


def test_a_closed_loop_gives_its_figures(served: Measured) -> None:
    running, asked = served(GOOD)
    assert (running.closed(16, Namespace()), asked) == (OFFERED, [16])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"errors": 12, "outcomes": {"ok": 88, "HTTP 503": 1200}}, "1,200 x HTTP 503"),
        ({"void": "nothing was sent after the warm-up"}, "nothing was sent after the warm-up"),
        ({"achieved_rate": 0.0}, "no answers"),
    ],
)
def test_a_closed_loop_that_was_not_answered_is_a_reason(change: Any, reason: str, served: Measured) -> None:
    running, _ = served(replace(GOOD, **change))
    with pytest.raises(Unavailable) as failed:
        running.closed(16, Namespace())
    assert str(failed.value) == f"with 16 connections: {reason}"


@pytest.mark.parametrize(
    ("results", "offered"),
    [
        ([GOOD], OFFERED),
        ([LATE, GOOD], OFFERED),
        ([LATE, LATE], None),
        ([replace(GOOD, saturated=True)], None),
        ([replace(LATE, saturated=True)], None),
        ([replace(GOOD, errors=1)], None),
    ],
)
def test_a_rate_is_tried_again_only_where_the_generator_was_late(
    results: list[Measurement], offered: Offered | None, served: Measured
) -> None:
    running, asked = served(*results)
    assert running.opened(50, Namespace()) == offered
    assert asked == [50] * len(results)


def test_a_signal_while_it_warms_up_at_a_rate_ends_it(served: Measured) -> None:
    running, asked = served(measurement(50, void="nothing was sent after the warm-up", interrupted=130))
    with pytest.raises(SystemExit) as ended:
        running.opened(50, Namespace())
    assert (ended.value.code, asked) == (130, [50])


def test_the_highest_rate_is_searched_for_from_half_of_the_closed_loops(served: Measured) -> None:
    running, asked = served(*[GOOD, replace(GOOD, saturated=True)] * 9)
    assert 50 <= running.sustainable(100, Namespace(slo_ms=2)) < 100
    assert asked[:2] == [50, 100]


def test_a_page_that_is_answered_with_200_is_ready() -> None:
    with pages({"/ready": b"", "/later": (503, b"")}) as (url, _):
        assert [answers(f"{url}{path}") for path in ("/ready", "/later", "/other")] == [True, None, None]
    assert answers(f"http://{nobody()}/ready") is None


def test_tensors_are_described_as_metadata_has_them() -> None:
    spec = TensorSpec(name="row", datatype="FP32", shape=(-1, 3))
    assert described([spec]) == [{"name": "row", "datatype": "FP32", "shape": [-1, 3]}]


def test_the_golden_inputs_are_asked_for_by_the_protocol(tmp_path: Path) -> None:
    tensor = {"name": "pixels", "datatype": "FP32", "shape": [2, 4], "data": PIXELS.ravel().tolist()}
    with pages({"/v2/models/tiny/infer": json.dumps({"outputs": [tensor]}).encode()}) as (url, heard):
        outputs = infer(a_job(tmp_path), url, "tiny")
    assert json.loads(heard[0].body)["inputs"][0]["data"] == list(range(8))
    assert outputs["pixels"].dtype == np.float32
    np.testing.assert_array_equal(outputs["pixels"], PIXELS)


@pytest.mark.parametrize("answer", [b"text", b"[]", b"{}", b'{"outputs": [3]}', b'{"outputs": [{"name": "pixels"}]}'])
def test_an_answer_of_another_form_is_a_reason(answer: bytes, tmp_path: Path) -> None:
    job = a_job(tmp_path)
    with (
        pages({"/v2/models/tiny/infer": answer}) as (url, _),
        pytest.raises(Unavailable, match="not of the Open Inference Protocol"),
    ):
        infer(job, url, "tiny")


def test_a_target_of_predictions_sends_the_bodies(tmp_path: Path) -> None:
    job = a_job(tmp_path)
    with pages({"/predictions/tiny": b"answer"}) as (url, _):
        target = target_of(job, url, "tiny", "predictions")
    bodies = [file.read_bytes() for file in sorted(job.bodies.iterdir())]
    assert [request.split(b"\r\n\r\n", 1)[1] for request in target.requests] == bodies
    assert (target.protocol, target.answer_bytes) == ("predictions", len(b"answer"))


def test_a_target_where_nobody_answers_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no answer"):
        target_of(a_job(tmp_path), f"http://{nobody()}", "tiny", "rest-binary")
