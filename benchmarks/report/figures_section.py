"""Tables for results without a drawing of their own: `training`, `scaling`, `checkpoint`, and verdicts of `compare`."""

from collections import defaultdict
from typing import Any

from torchferry.benchmarks.interval import Interval, median_interval
from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.report import bars
from torchferry.benchmarks.report.bars import Bar
from torchferry.benchmarks.report.markup import Markup, figure, interval, number, percent, table
from torchferry.benchmarks.report.section import Section, columns, origin
from torchferry.benchmarks.report.source import Result, blamed

TITLES = {
    "training": "Trainers beside each other",
    "scaling": "Scaling to more processes",
    "checkpoint": "Saving and recovering",
    "compare": "Faster or slower",
    "hostile": "Honest requests beside an attack",
}


def figures_section(result: Result) -> Section:
    with blamed(result.path):
        title = TITLES.get(result.verb, result.verb)
        if result.verb == "compare":
            return Section(title=title, content=[origin(result.path), _verdicts(result.content["results"])])
        return Section(title=title, content=[origin(result.path), _drawn(result.figures), _table(result.figures)])


def _drawn(figures: dict[str, Figure]) -> Markup:
    """A drawing for each unit, which is what a name ends with."""
    by_unit: dict[str, list[Bar]] = defaultdict(list)
    better = {}
    for name, found in figures.items():
        what, _, unit = name.rpartition(", ")
        if found.values:
            middle = median_interval(found.values)
            bar = Bar(name=what or unit, parts=[middle.median], interval=(middle.low, middle.high))
            by_unit[unit].append(bar)
            better[unit] = "longer" if found.better == "higher" else "shorter"
    return columns(*(_bars(unit, rows, better[unit]) for unit, rows in by_unit.items()))


def _bars(unit: str, rows: list[Bar], better: str) -> Markup:
    says = f"Bar chart of {unit}: " + "; ".join(f"{row.name} {number(row.parts[0])}" for row in rows)
    about = f"Medians with their bootstrap interval at 95 %; {better} is better."
    return figure(unit, about, bars.bars(rows, f"{says}."), bars.data(unit, rows, unit))


def _table(figures: dict[str, Figure]) -> Markup:
    rows = [
        [name, _middle(found.values), f"{found.better} is better", len(found.values)] for name, found in figures.items()
    ]
    return table("All figures", ["figure", "median and interval", "", "values"], rows)


def _middle(values: list[float]) -> str:
    return interval(median_interval(values)) if values else "–"


def _verdicts(results: dict[str, Any]) -> Markup:
    rows = [
        [
            name,
            str(found["says"]),
            str(Interval(**found["ratio"])) if found["ratio"] else "–",
            percent(float(found["confidence"])),
            int(found["pairs"]),
        ]
        for name, found in results.items()
    ]
    return table("Verdicts", ["figure", "verdict", "new / old", "confidence", "pairs"], rows)
