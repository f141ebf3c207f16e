"""Good and bad load together for a long time."""

from argparse import Namespace

from torchferry.benchmarks.hostile.long_run import long_run
from torchferry.benchmarks.hostile.started import Started


def test_a_short_one_has_all_that_a_soak_has(attacked: Started) -> None:
    options = Namespace(
        minutes=0.05,
        attacks=("malformed",),
        rate=20,
        warmup=0,
        arrivals="constant",
        processes=None,
        cpus=(),
        timeout=60,
    )
    found = long_run(attacked, options)
    assert (found.result.requests, found.result.errors) == (60, 0)
    assert len(found.seen) == len(found.times) > 8
    assert found.counted["malformed"]
    content = found.content()
    assert set(content) >= {"measurement", "drifts", "memory"}  # as `report` reads a soak
    assert set(content["drifts"]) == {"p50", "p99", "memory", "files", "threads"}
    assert found.figures()["memory MB"].values[0] > 30
    assert "\nmemory: " in found.told()
