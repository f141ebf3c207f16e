"""The figures of honest requests. The generator's own lag is in them, since attackers take their part of the machine:
it only makes latencies longer, and stands beside them."""

from collections.abc import Sequence

import numpy as np

from torchferry.benchmarks.load.measurement import Measurement
from torchferry.benchmarks.rounds import column

Found = dict[str, float]
HEAD = f"{'':10} {'p50 ms':>9} {'p99 ms':>9} {'p100 ms':>9} {'failed':>7} {'requests':>9} {'generator late ms':>18}"


def found(result: Measurement) -> Found:
    return {
        "p100 ms": result.max_ms,
        "p99 ms": result.percentiles_ms["p99"],
        "p50 ms": result.percentiles_ms["p50"],
        "failed": result.errors,
        "requests": result.requests,
        "generator late ms": result.generator_lag_p99_ms,
    }


def row(name: str, rounds: Sequence[Found]) -> str:
    """Medians of the rounds; the largest p100 and lag, and all that failed."""
    p50, p99 = (np.median(column(rounds, key)) for key in ("p50 ms", "p99 ms"))
    most, late = (max(column(rounds, key)) for key in ("p100 ms", "generator late ms"))
    failed, requests = (sum(column(rounds, key)) for key in ("failed", "requests"))
    return f"{name:10} {p50:9.2f} {p99:9.2f} {most:9.2f} {failed:7,.0f} {requests:9,.0f} {late:18.2f}"
