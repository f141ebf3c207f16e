"""Rates one after the other: up to where the server cannot follow, and the highest that keeps a limit."""

from collections.abc import Callable, Iterator

from torchferry.benchmarks.load.measurement import Measurement

Probe = Callable[[float], Measurement]
"""Measures at a rate."""
MOST_DOUBLINGS = 24


def holds(result: Measurement, p99_ms: float) -> bool:
    """The rate is sustainable: all of it was answered, without an error, and p99 is within the limit; also where the
    generator was late, since latency counts from when a request was due: its lag makes p99 longer, never shorter."""
    good = result.requests > 0 and not (result.saturated or result.errors)
    return good and result.percentiles_ms["p99"] <= p99_ms


def fair(probe: Probe, p99_ms: float) -> Probe:
    """Asks once more where a rate did not hold and the generator alone may be why."""

    def asking(rate: float) -> Measurement:
        result = probe(rate)
        blameless = result.saturated or result.errors or not result.void
        return result if blameless or result.interrupted or holds(result, p99_ms) else probe(rate)

    return asking


def rising(probe: Probe, first: float, factor: float) -> Iterator[Measurement]:
    """At `first`, and each time `factor` times as much, to the first rate that the server or the generator loses."""
    rate = first
    while True:
        result = probe(rate)
        yield result
        if result.saturated or result.void or result.errors or result.interrupted:
            return
        rate *= factor


def highest(probe: Probe, first: float, p99_ms: float, resolution: float) -> tuple[float, list[Measurement]]:
    """The highest sustainable rate to `resolution` (a share of it), by doubling or halving and then by bisection; 0 if
    there is none. An interruption ends it early."""
    probe = fair(probe, p99_ms)
    probes = [probe(first)]
    good, bad = (first, None) if holds(probes[0], p99_ms) else (None, first)
    for _ in range(MOST_DOUBLINGS):
        if probes[-1].interrupted or (good and bad):
            break
        rate = 2 * good if good else (bad or first) / 2
        probes.append(probe(rate))
        good, bad = (rate, bad) if holds(probes[-1], p99_ms) else (good, rate)
    while good and bad and bad / good > 1 + resolution and not probes[-1].interrupted:
        rate = (good * bad) ** 0.5
        probes.append(probe(rate))
        good, bad = (rate, bad) if holds(probes[-1], p99_ms) else (good, rate)
    return good or 0.0, probes
