"""Families read as prometheus_client's own metrics do, and a registry says what it has."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from torchferry.serving.onnx_server.telemetry.families import Count, Family, Reading, Registry


@pytest.fixture
def registry() -> Registry:
    return Registry()


def test_a_count_goes_up_and_a_reading_is_taken_when_it_is_asked_for(registry: Registry) -> None:
    counts = Family(lambda: CounterMetricFamily("asked", "So far", labels=["model"]), registry)
    readings = Family(lambda: GaugeMetricFamily("queue", "Now", labels=["model"]), registry)
    count, queue = Count(["digits"]), [1]
    counts.rows["digits",] = count
    readings.rows["digits",] = Reading(["digits"], lambda: len(queue))
    count.add()
    count.add()
    queue.append(2)
    assert (count.values(), readings.rows["digits",].values()) == ((2,), (2,))
    for name in ("asked_total", "queue"):
        assert registry.get_sample_value(name, {"model": "digits"}) == 2
    del readings.rows["digits",]
    assert registry.get_sample_value("queue", {"model": "digits"}) is None


def test_a_registry_has_its_collectors_in_the_order_of_the_page(registry: Registry) -> None:
    given = [Gauge(name, "Now", registry=registry) for name in ("b", "a", "c")]
    assert registry.collectors == given
    assert [family.name for family in registry.collect()] == ["b", "a", "c"]


def test_one_name_is_registered_once(registry: Registry) -> None:
    Family(lambda: CounterMetricFamily("asked", "So far"), registry)
    with pytest.raises(ValueError, match="Duplicated"):
        Counter("asked", "So far", registry=registry)
    assert len(registry.collectors) == 1
    assert isinstance(registry, CollectorRegistry)
