"""The results of all rounds, as a table for a terminal and as a record for the file."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

import numpy as np

from torchferry.benchmarks.interval import Interval, median_interval, paired_ratio
from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.rounds import column
from torchferry.benchmarks.servers.contestant import Contestant, at

BETTER: dict[str, Literal["lower", "higher"]] = {
    "p50 ms": "lower",
    "p99 ms": "lower",
    "answered/s": "higher",
    "within SLO/s": "higher",
    "CPU ms": "lower",
    "memory MB": "lower",
    "ready s": "lower",
    "MB on disk": "lower",
}
"""In the order of the table; behind them come those at fixed rates, which are better when lower."""
Rounds = Sequence[Mapping[str, float]]
RATIOS = ("p50 ms", "answered/s")
MORE = "p50 ms more"


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    about: Mapping[str, Any]
    rounds: Rounds
    base: str
    """The name of whom it is compared to."""
    compared: Mapping[str, Interval]
    """Its figures over the base's of the same round, and MORE: its p50 less the base's. Empty without a base."""

    def values(self, figure: str) -> list[float]:
        """Of the rounds that have it."""
        return [of[figure] for of in self.rounds if figure in of]

    def figures(self) -> list[str]:
        """Those that most rounds have: a rate that is not followed has none."""
        names = dict.fromkeys(name for of in self.rounds for name in of)
        return [name for name in names if 2 * len(self.values(name)) > len(self.rounds)]

    def record(self) -> dict[str, Any]:
        medians = {figure: dataclasses.asdict(median_interval(self.values(figure))) for figure in self.figures()}
        to = {self.base: {figure: dataclasses.asdict(found) for figure, found in self.compared.items()}}
        about = {"name": self.name, **self.about, "figures": medians}
        return {**about, "to": to if self.compared else {}, "rounds": self.rounds}


def rows(contestants: Sequence[Contestant], results: Mapping[str, Rounds], base: str) -> list[Row]:
    """Of those that were measured in every round."""
    measured = {peer.name: peer.about for peer in contestants if not peer.failure}
    return [
        Row(
            name=name,
            about=about,
            rounds=results[name],
            base=base,
            compared=_compared(results[name], results[base]) if base in measured and base != name else {},
        )
        for name, about in measured.items()
    ]


def figures(found: Sequence[Row]) -> dict[str, Figure]:
    """What `compare` reads."""
    return {
        f"{row.name} {figure}": Figure(better=BETTER.get(figure, "lower"), values=row.values(figure))
        for row in found
        for figure in row.figures()
    }


def table(found: Sequence[Row], rates: Sequence[float] = ()) -> str:
    """Of each its medians, and below of each what they are to the base's."""
    measured = {figure for row in found for figure in row.figures()}
    shown = [figure for figure in BETTER if figure in measured]
    shown += [name for rate in rates for name in at(rate)]
    width = max(len(f"to {found[0].base}"), *(len(row.name) for row in found))
    heads = f"{'server':{width}} {'protocol':12} {'workers':>7} {'threads':>7} {'bytes':>7}"
    lines = [heads + "".join(f"{figure:>{_width(figure)}}" for figure in shown)]
    for row in found:
        of = row.about
        about = f"{row.name:{width}} {of['protocol']:12} {of['workers']:7} {of['threads']:7} {of['payload_bytes']:7,}"
        lines.append(about + "".join(f"{_median(row, figure):>{_width(figure)}}" for figure in shown))
    if compared := [row for row in found if row.compared]:
        lines += ["", f"{'to ' + found[0].base:{width}}" + "".join(f"{name:>27}" for name in (*RATIOS, MORE))]
        for row in compared:
            lines.append(f"{row.name:{width}}" + "".join(f"{row.compared[name]!s:>27}" for name in (*RATIOS, MORE)))
    return "\n".join(lines)


def _compared(rounds: Rounds, base: Rounds) -> dict[str, Interval]:
    ratios = {figure: paired_ratio(column(rounds, figure), column(base, figure)) for figure in RATIOS}
    return ratios | {MORE: median_interval(np.subtract(column(rounds, "p50 ms"), column(base, "p50 ms")).tolist())}


def _width(figure: str) -> int:
    return max(13, len(figure) + 2)


def _median(row: Row, figure: str) -> str:
    return _rounded(median(row.values(figure))) if figure in row.figures() else "—"


def _rounded(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
