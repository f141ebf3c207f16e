"""Request statistics of one model version from the Prometheus metrics page."""

import math

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tests.ports import free_port
from tests.serving.torchserve.exposed import exposed
from torchferry.errors import ServerFault
from torchferry.serving.metric_names import MODEL
from torchferry.serving.torchserve.version_stats import VersionStats


def stats(within: dict[float, int], requests: int = 0, failed: int = 0) -> VersionStats:
    return VersionStats(requests, failed, 0, 1, within)


def counted(registry: CollectorRegistry, version: str, ok: int) -> None:
    """`ok` requests that went well over either protocol, of 20 ms each, and two that did not."""
    labels, name = ("digits", version), "torchferry_serve"
    requests = Counter(f"{name}_requests", "-", (*MODEL, "protocol", "outcome"), registry=registry)
    seconds = Histogram(
        f"{name}_request_duration_seconds", "-", (*MODEL, "protocol"), buckets=(0.01, 0.1), registry=registry
    )
    for protocol in ("predictions", "grpc-predictions"):
        requests.labels(*labels, protocol, "ok").inc(ok)
        for _ in range(ok):
            seconds.labels(*labels, protocol).observe(0.02)
    for outcome in ("client_error", "server_error"):
        requests.labels(*labels, "predictions", outcome).inc()
    for gauge, value in (("queue_depth", 3), ("in_flight", 2), ("workers", 9), ("workers_ready", 4)):
        Gauge(f"{name}_{gauge}", "-", MODEL, registry=registry).labels(*labels).set(value)


def test_requests_of_all_protocols_are_added_up_for_the_version_alone() -> None:
    registry = CollectorRegistry()
    counted(registry, "2.0", ok=5)
    with exposed(registry) as page:
        found, other = VersionStats.of(page, "", "digits", "2.0"), VersionStats.of(page, "", "digits", "1.0")
    assert found == VersionStats(12, 2, 5, 4, {0.01: 0, 0.1: 10, math.inf: 10})
    assert other == VersionStats(0, 0, 0, 0, {})


def test_a_page_that_nobody_serves_is_named() -> None:
    page = f"http://127.0.0.1:{free_port()}/metrics"
    with pytest.raises(ServerFault, match=rf"^{page}: no answer \(NewConnectionError\)$"):
        VersionStats.of(page, "", "digits", "1.0")


def test_what_was_before_is_taken_off_but_not_what_waits_now() -> None:
    before = VersionStats(1000, 10, 7, 2, {0.1: 900, math.inf: 1000})
    later = VersionStats(1200, 14, 5, 3, {0.1: 1050, math.inf: 1200})
    assert later.since(before) == VersionStats(200, 4, 5, 3, {0.1: 150, math.inf: 200})
    assert later.since(stats({})).within == later.within


@pytest.mark.parametrize(
    ("within", "p99"),
    [
        ({0.01: 100, 0.1: 100, math.inf: 100}, 0.0099),
        ({0.01: 900, 0.1: 1000, math.inf: 1000}, 0.01 + 0.09 * 0.9),
        ({0.01: 0, 0.1: 100, math.inf: 100}, 0.01 + 0.09 * 0.99),
        ({0.01: 100, 0.1: 190, math.inf: 200}, 0.1),  # 198 are above 190, in the bucket without an end
        ({0.1: 0, math.inf: 5}, 0.1),
        ({0.1: 0, math.inf: 0}, 0.0),
        ({}, 0.0),
    ],
)
def test_the_p99_is_linear_within_its_bucket(within: dict[float, int], p99: float) -> None:
    assert stats(within).p99_seconds == pytest.approx(p99)


def test_the_share_that_failed_is_none_of_none() -> None:
    assert stats({}, 200, 4).failed_share == 0.02
    assert stats({}).failed_share == 0
