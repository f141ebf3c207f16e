"""Sums over steps read as prometheus_client's own counters and histogram would."""

from prometheus_client import CollectorRegistry, Histogram, generate_latest

from torchferry.training.telemetry.step_counts import StepCounts

STEPS = (0.001, 0.005, 0.0051, 0.5, 3.0, 11.0)


def page(registry: CollectorRegistry) -> list[str]:
    return [line for line in generate_latest(registry).decode().splitlines() if "_created" not in line]


def test_steps_samples_and_waits_add_up() -> None:
    registry = CollectorRegistry()
    counts = StepCounts("t")
    registry.register(counts)
    assert registry.get_sample_value("t_last_step_timestamp_seconds") == 0
    counts.add(64, 0.5, 0.125)
    counts.add(32, 0.25, 0.125)
    names = ("t_steps_total", "t_samples_total", "t_data_wait_seconds_total", "t_step_duration_seconds_sum")
    assert [registry.get_sample_value(name) for name in names] == [2, 96, 0.25, 0.75]
    last, created = (
        registry.get_sample_value(f"t_{name}") for name in ("last_step_timestamp_seconds", "steps_created")
    )
    assert last is not None
    assert created is not None
    assert last >= created > 0


def test_the_histogram_is_prometheus_own_to_the_letter() -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counts = StepCounts("t")
    ours.register(counts)
    histogram = Histogram("t_step_duration_seconds", "Time of one optimizer step", registry=theirs)
    for seconds in STEPS:
        counts.add(1, seconds, 0)
        histogram.observe(seconds)
    assert [line for line in page(ours) if "t_step_duration_seconds" in line] == page(theirs)
