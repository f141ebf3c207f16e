"""Our histograms show what prometheus_client's own do."""

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as open_metrics

from torchferry.serving.onnx_server.telemetry.histogram import AT_ONCE, Histogram, Together

BOUNDS = (0.5, 1.0, 10.0)
TRACE = 32 * "a"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def histogram(registry: CollectorRegistry) -> Histogram:
    return Histogram("seconds", "How long", ("model",), BOUNDS, registry)


@pytest.mark.parametrize("values", [[], [0.5], [0.0, 0.4, 0.5, 0.6, 1.0, 9.9, 10.0, 10.1, 1e9]])
def test_the_page_is_the_same_as_with_their_own(
    registry: CollectorRegistry, histogram: Histogram, values: list[float]
) -> None:
    theirs = CollectorRegistry()
    other = prometheus_client.Histogram("seconds", "How long", ["model"], buckets=BOUNDS, registry=theirs)
    for value in values:
        histogram.of("digits").observe(value)
        other.labels("digits").observe(value)
    histogram.of("digits")
    other.labels("digits")
    assert lines(registry) == [line for line in lines(theirs) if "_created" not in line]
    assert f'seconds_bucket{{le="+Inf",model="digits"}} {float(len(values))}' in lines(registry)


def lines(registry: CollectorRegistry) -> list[str]:
    return generate_latest(registry).decode().splitlines()


def test_more_than_are_sorted_at_once_are_counted_once(registry: CollectorRegistry, histogram: Histogram) -> None:
    observed = histogram.of("digits")
    for _ in range(2 * AT_ONCE + 3):
        observed.observe(0.75)
    assert len(observed.new) == 3
    for _ in range(2):  # a page that is read twice
        assert registry.get_sample_value("seconds_count", {"model": "digits"}) == 2 * AT_ONCE + 3
    assert registry.get_sample_value("seconds_sum", {"model": "digits"}) == 0.75 * (2 * AT_ONCE + 3)
    assert registry.get_sample_value("seconds_bucket", {"model": "digits", "le": "0.5"}) == 0


def test_each_value_of_the_labels_has_its_own(registry: CollectorRegistry, histogram: Histogram) -> None:
    histogram.of("digits").observe(2)
    assert histogram.of("digits") is histogram.of("digits")
    histogram.of("other")
    counted = {name: registry.get_sample_value("seconds_count", {"model": name}) for name in ("digits", "other")}
    assert counted == {"digits": 1, "other": 0}


def test_the_last_one_marked_is_its_buckets_exemplar(registry: CollectorRegistry, histogram: Histogram) -> None:
    observed = histogram.of("digits")
    for value, trace in ((0.75, 32 * "b"), (1.0, TRACE)):
        observed.observe(value)
        observed.mark(value, trace)
    marked = [line for line in open_metrics(registry).decode().splitlines() if "trace_id" in line]
    (line,) = marked
    assert line.startswith(f'seconds_bucket{{le="1.0",model="digits"}} 2.0 # {{trace_id="{TRACE}"}} 1.0 ')


def test_what_comes_together_is_observed_by_each() -> None:
    page = CollectorRegistry()
    first, second = (Histogram(name, "How long", ("model",), BOUNDS, page) for name in ("one", "two"))
    together = Together([first.of("digits"), second.of("digits")])
    for _ in range(AT_ONCE + 1):
        together.observe((0.75, 5))
    second.of("digits").observe(0.25)
    assert len(together.rows) == 1
    assert page.get_sample_value("one_count", {"model": "digits"}) == AT_ONCE + 1
    assert page.get_sample_value("two_sum", {"model": "digits"}) == 5 * (AT_ONCE + 1) + 0.25
    assert page.get_sample_value("one_bucket", {"model": "digits", "le": "1.0"}) == AT_ONCE + 1
