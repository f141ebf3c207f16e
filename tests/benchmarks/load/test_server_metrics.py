"""The mean time in each stage, from two looks at a server's Prometheus page, whichever server's it is."""

from collections.abc import Mapping

import pytest

from tests.benchmarks.load.peers import Page, pages
from tests.benchmarks.report.written import measurement
from torchferry.benchmarks.load.server_metrics import ServerMetrics, read_sums, resident_bytes
from torchferry.errors import UserError

OURS = """\
torchferry_serve_queue_duration_seconds_sum{model="digits"} %g
torchferry_serve_queue_duration_seconds_count{model="digits"} %g
torchferry_serve_batch_wait_duration_seconds_sum{model="digits"} %g
torchferry_serve_batch_wait_duration_seconds_count{model="digits"} %g
torchferry_serve_request_duration_seconds_sum{model="digits"} %g
torchferry_serve_request_duration_seconds_count{model="digits"} %g
"""
TRITON = """\
nv_inference_request_success{model="digits",version="1"} %g
nv_inference_queue_duration_us{model="digits",version="1"} %g
nv_inference_compute_input_duration_us{model="digits",version="1"} %g
nv_inference_compute_infer_duration_us{model="digits",version="1"} %g
nv_inference_compute_output_duration_us{model="digits",version="1"} %g
"""
TORCHSERVE = """\
ts_inference_requests_total{model_name="digits",model_version="default"} %g
ts_queue_latency_microseconds{model_name="digits",model_version="default"} %g
ts_inference_latency_microseconds{model_name="digits",model_version="default"} %g
"""


def stages(page: str, before: tuple[float, ...], after: tuple[float, ...]) -> Mapping[str, float]:
    """Without what is left to the network."""
    answers: dict[str, Page] = {"/metrics": (page % before).encode()}
    with pages(answers) as (url, _):
        metrics = ServerMetrics(f"{url}/metrics", "digits")
        answers["/metrics"] = (page % after).encode()
        found = metrics.explain(measurement(100, mean_ms=100.0))
    left = found.stages_ms.pop("network and client", 0)
    assert not found.stages_ms or left == pytest.approx(100 - sum(found.stages_ms.values()))
    return found.stages_ms


def test_stages_are_means_of_what_passed_between_two_looks() -> None:
    found = stages(OURS, (50, 10, 1, 1, 99, 1), (50.2, 110, 1.004, 3, 99.9, 101))  # the whole request is no stage
    assert found == pytest.approx({"queue": 2, "batch wait": 2})


def test_stages_of_triton() -> None:
    found = stages(TRITON, (5, 0, 0, 0, 100), (15, 10_000, 20_000, 30_000, 40_100))
    assert found == pytest.approx({"queue": 1, "compute input": 2, "compute infer": 3, "compute output": 4})


def test_torchserves_inference_is_told_without_the_queue_that_it_counts_in() -> None:
    assert stages(TORCHSERVE, (0, 0, 0), (10, 20_000, 50_000)) == pytest.approx({"queue": 2, "inference": 3})


@pytest.mark.parametrize(("page", "count"), [(OURS, 6), (TRITON, 5), (TORCHSERVE, 3), ("other_total %g\n", 1)])
def test_nothing_counted_is_no_stage(page: str, count: int) -> None:
    assert stages(page, (1.0,) * count, (1.0,) * count) == {}


def test_the_share_of_padding_is_that_of_what_was_computed_between_two_looks() -> None:
    page = (
        'torchferry_serve_elements_total{model="digits"} %g\n'
        'torchferry_serve_padding_elements_total{model="digits"} %g\n'
    )
    answers: dict[str, Page] = {"/metrics": (page % (100, 50)).encode()}
    with pages(answers) as (url, _):
        metrics = ServerMetrics(f"{url}/metrics", "digits")
        assert metrics.explain(measurement(100)).padding_share is None
        answers["/metrics"] = (page % (400, 150)).encode()
        assert metrics.explain(measurement(100)).padding_share == 0.25


def test_samples_are_added_up_but_for_those_of_other_models() -> None:
    page = (
        b'a_total{model="digits",code="1"} 1\na_total{model="digits",code="2"} 2\na_total{model="other"} 4\n'
        b'a_total{model_name="other"} 8\na_total{code="3"} 16\nprocess_resident_memory_bytes 32\n'
    )
    with pages({"/": page}) as (url, _):
        sums = read_sums(f"{url}/", "digits")
    assert sums == {"a_total": 1 + 2 + 16, "process_resident_memory_bytes": 32}
    assert resident_bytes(sums) == 32
    assert resident_bytes({}) is None


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"<html>", "is no Prometheus page"),
        (b"\xff\xfe", "is no Prometheus page"),
        (b"", r"is no Prometheus page \(status 200\)"),
        (b"# HELP a b\n", r"is no Prometheus page \(status 200\)"),
        ((503, b"a_total 1\n"), r"is no Prometheus page \(status 503\)"),
    ],
)
def test_another_page_is_refused(answer: Page, words: str) -> None:
    with pages({"/metrics": answer}) as (url, _), pytest.raises(UserError, match=f"--metrics: {url}/metrics {words}"):
        ServerMetrics(f"{url}/metrics", "digits")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/metrics", "no url", "http://[::1"])
def test_nobody_who_answers_is_said(url: str) -> None:
    with pytest.raises(UserError, match=r"--metrics: .* gives no answer \(\w+\)"):
        read_sums(url, "digits")
