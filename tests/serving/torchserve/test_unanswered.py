"""Requests that wait in queues and in workers, and waiting until there are none."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from tests.serving.torchserve.exposed import exposed
from torchferry.errors import ServerFault
from torchferry.serving.metric_names import MODEL
from torchferry.serving.net.addresses import authority, listeners
from torchferry.serving.torchserve.unanswered import unanswered, wait_idle
from torchferry.serving.torchserve.wsgi_server import StartResponse, served


class Clock:
    """Its time goes by only where somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "monotonic", lambda: clock.now)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


@pytest.fixture
def page() -> Iterator[str]:
    registry = CollectorRegistry()
    queue, in_flight, ready = (
        Gauge(f"torchferry_serve_{name}", "-", MODEL, registry=registry)
        for name in ("queue_depth", "in_flight", "workers_ready")
    )
    for version, count in (("1.0", 2), ("2.0", 40)):
        queue.labels("digits", version).set(count)
        in_flight.labels("digits", version).set(1)
        ready.labels("digits", version).set(500)
    queue.labels("cats", "1.0").set(100)
    with exposed(registry) as url:
        yield url


def test_queues_and_workers_of_all_models_are_added_up_or_those_of_one_version(page: str) -> None:
    assert unanswered(page, "") == 144
    assert unanswered(page, "", "digits", "2.0") == 41
    assert unanswered(page, "", "dogs", "1.0") == 0


def test_a_page_that_says_nothing_is_not_taken_for_nothing() -> None:
    def broken(_environ: dict[str, Any], start: StartResponse) -> list[bytes]:
        start("503 Service Unavailable", [])
        return []

    sockets = listeners("127.0.0.1", 0, "--metrics-port")
    where = f"http://{authority(*sockets[0].getsockname())}/metrics"
    with served(broken, sockets, "page"), pytest.raises(ServerFault, match=rf"^{where}: answered 503$"):
        unanswered(where, "")


@pytest.mark.usefixtures("clock")
def test_it_is_idle_when_nothing_waits_twice_in_a_row() -> None:
    counts = [3, 0, 1, 0, 0, 9]
    assert wait_idle(lambda: counts.pop(0), 60)
    assert counts == [9]


def test_it_waits_no_longer_than_it_may(clock: Clock) -> None:
    assert not wait_idle(lambda: 1, 60)
    assert clock.now == pytest.approx(60, abs=0.2)


def test_it_stops_waiting_when_it_is_told(clock: Clock) -> None:
    assert not wait_idle(lambda: 1, 60, lambda: clock.now > 5)
    assert clock.now == pytest.approx(5, abs=0.2)
