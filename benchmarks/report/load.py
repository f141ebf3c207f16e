"""Results of `latency`, `sweep`, `slo` and `soak`, as curves that can be laid over each other."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from hdrh.histogram import HdrHistogram

from torchferry.benchmarks.report.chart import Point
from torchferry.benchmarks.report.source import Result, blamed

PERCENTILES = ("p50", "p90", "p99", "p99.9")
VERBS = ("latency", "sweep", "slo", "soak")


@dataclass(frozen=True, kw_only=True)
class Load:
    """As much of a Measurement as is shown; times in milliseconds, rates in requests a second."""

    rate: float | None
    """Offered; None in a closed loop."""
    connections: int | None
    achieved: float
    requests: int
    errors: int
    outcomes: dict[str, int]
    percentiles: dict[str, float]
    """Empty if nothing was answered well."""
    stages: dict[str, float]
    void: str | None
    saturated: bool
    interrupted: bool
    sizes: dict[str, dict[str, float]]
    """Least, median, mean and most of what was sent, by axis that varies."""
    padding_share: float | None
    """Of what was computed, if the server said it."""
    distribution: tuple[Point, ...]
    """The latency over how many nines of the requests were quicker."""

    @property
    def mark(self) -> Literal["void", "saturated"] | None:
        return "void" if self.void else "saturated" if self.saturated else None

    @property
    def asked(self) -> str:
        return f"{self.rate:,.6g}/s" if self.rate is not None else f"closed, {self.connections} connections"


@dataclass(frozen=True, kw_only=True)
class Curve:
    """The loads of one file: a model of a server over a protocol."""

    name: str
    file: str
    loads: tuple[Load, ...]

    @property
    def best(self) -> Load | None:
        """That at the highest rate which counts and was kept."""
        usable = [load for load in self.loads if load.percentiles and not load.void]
        kept = [load for load in usable if not load.saturated] or usable[:1]
        return max(kept, key=lambda load: load.rate or 0, default=None)


def curves(results: Sequence[Result]) -> list[Curve]:
    """One for each file, no two with the same name. Raises UserError for a file that is not as its verb writes it."""
    found = []
    names = Counter(result.path.name for result in results)
    for result in results:
        with blamed(result.path):
            measured = list(_measurements(result))
            loads = sorted(map(_load, measured), key=lambda load: load.rate or 0)
            name = _name(measured[0]) if measured else "nothing measured"
            found.append(
                Curve(
                    name=name,
                    file=result.path.name if names[result.path.name] == 1 else str(result.path),
                    loads=tuple(loads),
                )
            )
    count = Counter(curve.name for curve in found)
    return [replace(curve, name=f"{curve.name}, {curve.file}") if count[curve.name] > 1 else curve for curve in found]


def _measurements(result: Result) -> Iterator[dict[str, Any]]:
    results = result.content["results"]
    if result.verb == "latency":
        yield results
    elif result.verb == "sweep":
        yield from results
    elif result.verb == "slo":
        for probes in results["probes"]:
            yield from probes
    else:
        yield results["measurement"]


def _name(measured: dict[str, Any]) -> str:
    return ", ".join(str(measured[key]) for key in ("server", "model", "protocol") if measured[key])


def _load(measured: dict[str, Any]) -> Load:
    answered = measured["requests"] > measured["errors"]
    rate = measured["offered_rate"]
    return Load(
        rate=None if rate is None else float(rate),
        connections=measured["connections"],
        achieved=float(measured["achieved_rate"]),
        requests=int(measured["requests"]),
        errors=int(measured["errors"]),
        outcomes={str(name): int(count) for name, count in measured["outcomes"].items()},
        percentiles={name: float(measured["percentiles_ms"][name]) for name in PERCENTILES} if answered else {},
        stages={str(name): float(value) for name, value in measured["stages_ms"].items()} if answered else {},
        void=measured["void"] and str(measured["void"]),
        saturated=bool(measured["saturated"]),
        interrupted=measured["interrupted"] is not None,
        sizes=measured.get("sizes", {}),
        padding_share=measured.get("padding_share"),
        distribution=_distribution(measured["histogram"]) if answered else (),
    )


def _distribution(encoded: str) -> tuple[Point, ...]:
    """At 0, 10 ... 90, 91 ... 99, 99.1 ... percent, and the slowest request, which is one in all."""
    histogram = HdrHistogram.decode(encoded)
    total = histogram.get_total_count()
    if not total:
        return ()
    slower = [digit / 10 ** (nines + 1) for nines in range(len(str(total))) for digit in range(10, 1, -1)]
    found = [(share, histogram.get_value_at_percentile(100 * (1 - share))) for share in slower if share * total > 1.001]
    return tuple(
        Point(x=-math.log10(share), y=us / 1000) for share, us in [*found, (1 / total, histogram.get_max_value())]
    )
