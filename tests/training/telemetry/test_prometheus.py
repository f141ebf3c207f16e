"""The run's metrics are in base units, and its endpoint serves them until it is closed."""

import urllib.error
import urllib.request
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from tests.training.telemetry.listener import listening
from torchferry.training.config.recipe import MetricsConfig
from torchferry.training.evaluation import Evaluation
from torchferry.training.telemetry.prometheus import TrainMetrics
from torchferry.training.telemetry.report import Report

NONE = MetricsConfig(port=None)
REPORT: dict[str, Any] = {
    "epoch": 2,
    "step": 44,
    "loss": 0.5,
    "learning_rate": 0.01,
    "gradient_norm": 3.0,
    "samples_per_second": 100.0,
    "step_seconds": [0.25, 0.5],
    "data_wait_ratio": [0.1, 0.2],
    "forward_seconds": [0.01, 0.02],
    "corrupt": 0,
    "skipped": 0,
}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def metrics_in(registry: CollectorRegistry, config: MetricsConfig = NONE) -> TrainMetrics:
    return TrainMetrics(config, "digits", world_size=2, restarts=3, registry=registry)


def value(registry: CollectorRegistry, name: str, /, **labels: str) -> float | None:
    return registry.get_sample_value(f"torchferry_train_{name}", labels)


def result(values: dict[str, float], corrupt: int = 0, split: str = "test") -> Evaluation:
    return Evaluation(
        split=split,
        samples=10,
        corrupt=corrupt,
        values=values,
        score=0,
        shown=[],
    )


def test_a_start_says_which_run_it_is_and_how_often_it_was_started(registry: CollectorRegistry) -> None:
    metrics_in(registry)
    assert (value(registry, "restarts_total"), value(registry, "world_size")) == (3, 2)
    assert value(registry, "run_info", name="digits") == 1
    assert value(registry, "start_timestamp_seconds") != 0


def test_steps_add_up(registry: CollectorRegistry) -> None:
    metrics = metrics_in(registry)
    metrics.step(64, 0.5, 0.125)
    metrics.step(32, 0.25, 0.125)
    names = ("steps_total", "samples_total", "data_wait_seconds_total", "step_duration_seconds_sum")
    assert [value(registry, name) for name in names] == [2, 96, 0.25, 0.75]
    assert value(registry, "last_step_timestamp_seconds") != 0


def test_a_report_gives_the_newest_values_of_every_rank(registry: CollectorRegistry) -> None:
    metrics_in(registry).report(Report(**REPORT))
    names = ("epoch", "loss", "learning_rate", "gradient_norm")
    assert [value(registry, name) for name in names] == [2, 0.5, 0.01, 3]
    ranks = ("rank_step_seconds", "rank_data_wait_ratio", "rank_forward_seconds")
    assert [value(registry, name, rank="1") for name in ranks] == [0.5, 0.2, 0.02]


def test_the_rate_of_each_group_is_there_if_there_are_groups(registry: CollectorRegistry) -> None:
    metrics = metrics_in(registry)
    metrics.report(Report(**REPORT))
    assert not next(iter(metrics.group_rate.collect())).samples
    metrics.report(Report(**REPORT | {"learning_rates": {"rest": 0.01, "fc.*": 0.1}}))
    assert [value(registry, "group_learning_rate", group=group) for group in ("rest", "fc.*")] == [0.01, 0.1]
    assert value(registry, "learning_rate") == 0.01


def test_skipped_steps_are_counted_once_although_each_report_has_them_all(registry: CollectorRegistry) -> None:
    metrics = metrics_in(registry)
    for skipped in (2, 2, 5):
        metrics.report(Report(**REPORT | {"skipped": skipped, "corrupt": 1}))
    assert value(registry, "nonfinite_steps_total") == 5
    assert value(registry, "corrupt_samples_total") == 3


def test_an_evaluation_gives_each_value_and_a_ratio_for_an_accuracy_alone(registry: CollectorRegistry) -> None:
    metrics = metrics_in(registry)
    metrics.evaluated(result({"loss": 0.25, "r2": 0.5}, corrupt=2))
    assert (value(registry, "eval_value", metric="r2"), value(registry, "eval_value", metric="loss")) == (0.5, 0.25)
    assert value(registry, "eval_accuracy_ratio") == 0
    metrics.evaluated(result({"loss": 0.25, "accuracy": 0.75}, corrupt=1))
    assert value(registry, "eval_accuracy_ratio") == 0.75
    assert value(registry, "corrupt_samples_total") == 3


def test_saves_are_timed_and_failures_counted(registry: CollectorRegistry) -> None:
    metrics = metrics_in(registry)
    metrics.save_failed()
    assert value(registry, "checkpoint_last_success_timestamp_seconds") == 0
    metrics.saved(1.5)
    assert value(registry, "checkpoint_failures_total") == 1
    assert value(registry, "checkpoint_duration_seconds_sum") == 1.5
    assert value(registry, "checkpoint_last_success_timestamp_seconds") != 0


def test_the_endpoint_serves_until_it_is_closed(registry: CollectorRegistry) -> None:
    metrics = metrics_in(registry, MetricsConfig(port=0))
    assert metrics.url is not None
    with urllib.request.urlopen(metrics.url, timeout=30) as answer:
        assert b"torchferry_train_world_size 2.0\n" in answer.read()
    metrics.close()
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(metrics.url, timeout=30)


def test_without_a_port_there_is_no_endpoint(registry: CollectorRegistry) -> None:
    metrics = metrics_in(registry)
    assert metrics.url is None
    metrics.close()


def test_a_test_at_the_end_stands_beside_the_validations(registry: CollectorRegistry) -> None:
    metrics = metrics_in(registry)
    metrics.validates = True
    metrics.evaluated(result({"accuracy": 0.75}, split="validation"))
    metrics.evaluated(result({"accuracy": 0.5}))
    assert value(registry, "eval_accuracy_ratio") == 0.75
    found = [value(registry, "eval_value", metric=name) for name in ("accuracy", "test_accuracy")]
    assert found == [0.75, 0.5]


def test_the_last_values_are_pushed_at_the_end(registry: CollectorRegistry) -> None:
    with listening() as gateway:
        metrics = metrics_in(registry, MetricsConfig(port=None, pushgateway=gateway.url))
        metrics.step(64, 0.5, 0.125)
        metrics.evaluated(result({"accuracy": 0.75}))
        metrics.finish()
        metrics.close()
    assert gateway.requests[-1].path == "/metrics/job/torchferry/run/digits"
    assert "torchferry_train_steps_total 1.0\n" in gateway.requests[-1].body
    assert "torchferry_train_eval_accuracy_ratio 0.75\n" in gateway.requests[-1].body
