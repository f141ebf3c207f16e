"""A long run: latency and memory over time, and whether they drift."""

from collections.abc import Sequence
from typing import Any

from torchferry.benchmarks.load.drift import Drift
from torchferry.benchmarks.report import chart
from torchferry.benchmarks.report.chart import Axis, Point, Series, line_chart
from torchferry.benchmarks.report.markup import Markup, figure, number, table
from torchferry.benchmarks.report.section import Section, columns, origin
from torchferry.benchmarks.report.source import Result, blamed

MINUTES = Axis(label="minutes", zero=True)


def soak_section(result: Result) -> Section:
    with blamed(result.path):
        content: dict[str, Any] = result.content["results"]
        measured, memory = content["measurement"], content["memory"]
        drifts = {str(name): Drift(**found) if found else None for name, found in content["drifts"].items()}
        latency = [_over_time(measured["windows"], which) for which in ("p50", "p99")]
        pictures = [_picture("Latency over time", latency, Axis(label="ms", log=True))]
        if memory["bytes"]:
            points = [
                Point(x=seconds / 60, y=size / 1e6)
                for seconds, size in zip(memory["seconds"], memory["bytes"], strict=False)
            ]
            pictures.append(_picture("Memory over time", [Series(name="memory", points=points)], Axis(label="MB")))
        facts = [(f"{name} in the soak", _verdict(found)) for name, found in drifts.items()]
        title = f"Soak of {measured['model']}"
        return Section(title=title, content=[origin(result.path), columns(*pictures), _drifts(drifts)], facts=facts)


def _over_time(windows: Sequence[dict[str, Any]], which: str) -> Series:
    given = [(float(window["start"]) / 60, window[f"{which}_ms"]) for window in windows]
    return Series(name=which, points=[Point(x=at, y=float(ms)) for at, ms in given if ms is not None])


def _picture(title: str, series: Sequence[Series], y: Axis) -> Markup:
    ends = "; ".join(
        f"{one.name} from {number(one.points[0].y)} to {number(one.points[-1].y)} {y.label}"
        for one in series
        if one.points
    )
    says = f"Line chart of {title.lower()}: {ends}."
    return figure(title, f"In {y.label}.", line_chart(series, MINUTES, y, says), chart.data(title, series, MINUTES, y))


def _drifts(drifts: dict[str, Drift | None]) -> Markup:
    rows = [
        [
            name,
            _verdict(found),
            *((found.first, found.last) if found else ("–", "–")),
            f"{found.per_hour:+.3g} [{found.low:+.3g}, {found.high:+.3g}]" if found else "–",
        ]
        for name, found in drifts.items()
    ]
    return table("Drift (latency in ms, memory in MB)", ["", "verdict", "first", "last", "an hour"], rows)


def _verdict(found: Drift | None) -> str:
    return "too few points" if found is None else "drifts" if found.significant else "no drift"
