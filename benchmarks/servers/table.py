"""What the rounds came to, for a terminal and for the file."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from benchmarks.interval import Interval, median_interval, paired_ratio
from benchmarks.record import Figure
from benchmarks.rounds import column
from benchmarks.servers.contestant import Contestant

BETTER: dict[str, Literal["lower", "higher"]] = {
    "p50 ms": "lower",
    "p99 ms": "lower",
    "answered/s": "higher",
    "within SLO/s": "higher",
    "CPU ms": "lower",
    "memory MB": "lower",
    "ready s": "lower",
}
COMPARED = ("p50 ms", "answered/s")


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    about: Mapping[str, Any]
    rounds: Sequence[Mapping[str, float]]
    to_ours: Mapping[str, Interval]
    """This one's figure over ours of the same round; empty if ours was not measured."""

    def values(self, figure: str) -> list[float]:
        return column(self.rounds, figure)

    def record(self) -> dict[str, Any]:
        medians = {figure: dataclasses.asdict(median_interval(self.values(figure))) for figure in self.rounds[0]}
        ratios = {figure: dataclasses.asdict(interval) for figure, interval in self.to_ours.items()}
        return {"name": self.name, **self.about, "figures": medians, "to_ours": ratios, "rounds": self.rounds}


def rows(contestants: Sequence[Contestant], results: Mapping[str, Sequence[Mapping[str, float]]]) -> list[Row]:
    """Of those that were measured in every round."""
    measured = [peer for peer in contestants if not peer.failure]
    ours = results["ours"] if any(peer.name == "ours" for peer in measured) else None
    return [
        Row(name=peer.name, about=peer.about, rounds=results[peer.name], to_ours=_to_ours(results[peer.name], ours))
        for peer in measured
    ]


def figures(found: Sequence[Row]) -> dict[str, Figure]:
    """What `compare` reads."""
    return {
        f"{row.name} {figure}": Figure(better=better, values=row.values(figure))
        for row in found
        for figure, better in BETTER.items()
        if figure in row.rounds[0]
    }


def table(found: Sequence[Row]) -> str:
    """Of each its medians, and below of each what they are to ours."""
    shown = [figure for figure in BETTER if figure in found[0].rounds[0]]
    lines = [
        f"{'server':10} {'protocol':12} {'threads':>7} {'bytes':>7}" + "".join(f"{figure:>13}" for figure in shown)
    ]
    for row in found:
        about = f"{row.name:10} {row.about['protocol']:12} {row.about['threads']:7} {row.about['payload_bytes']:7,}"
        lines.append(about + "".join(f"{_rounded(median(row.values(figure))):>13}" for figure in shown))
    if compared := [row for row in found if row.to_ours]:
        lines += ["", f"{'to ours':10}" + "".join(f"{figure:>25}" for figure in COMPARED)]
        lines += [f"{row.name:10}" + "".join(f"{row.to_ours[figure]!s:>25}" for figure in COMPARED) for row in compared]
    return "\n".join(lines)


def _to_ours(rounds: Sequence[Mapping[str, float]], ours: Sequence[Mapping[str, float]] | None) -> dict[str, Interval]:
    if ours is None or rounds is ours:
        return {}
    return {figure: paired_ratio(column(rounds, figure), column(ours, figure)) for figure in COMPARED}


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
