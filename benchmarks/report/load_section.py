"""Latency of servers: against the offered rate, by percentile, and by stage; every load in a table."""

import math
from collections.abc import Sequence
from typing import Any

from torchferry.benchmarks.interval import median_interval
from torchferry.benchmarks.load.sizes import words
from torchferry.benchmarks.report import bars, chart
from torchferry.benchmarks.report.bars import Bar
from torchferry.benchmarks.report.chart import Axis, Point, Series, line_chart
from torchferry.benchmarks.report.load import PERCENTILES, Curve, Load
from torchferry.benchmarks.report.markup import Markup, figure, interval, number, table, tag
from torchferry.benchmarks.report.section import Section, columns
from torchferry.benchmarks.report.source import Result, blamed

RATE = Axis(label="offered requests/s", log=True)
MOST_NINES = 5  # each written out below the axis
OPEN = "Each request's latency counts from when it was due, so that one which had to wait counts in full."


def load_section(curves: Sequence[Curve], results: Sequence[Result]) -> Section:
    facts = [
        (
            f"p99 of {curve.name}",
            f"{number(best.percentiles['p99'])} ms at {best.asked}",
        )
        for curve in curves[:4]
        if (best := curve.best)
    ]
    rated = [curve for curve in curves if len({load.rate for load in curve.loads if load.percentiles}) > 1]
    single = [curve for curve in curves if curve not in rated and curve.best]
    pictures: list[Markup | None] = []
    pictures += [_against_rate(rated, which) for which in ("p50", "p99")] if rated else []
    pictures += [_at_one_rate(single, which) for which in ("p50", "p99")] if single else []
    pictures += [_by_percentile(curves), _by_stage(curves)]
    content = [tag("p", OPEN), columns(*pictures), _limits(results), _loads(curves)]
    return Section(title="Latency", content=content, facts=facts)


def _against_rate(curves: Sequence[Curve], which: str) -> Markup:
    series = [
        Series(
            name=curve.name,
            points=[
                Point(x=load.rate, y=load.percentiles[which], mark=load.mark)
                for load in curve.loads
                if load.rate is not None and load.percentiles
            ],
        )
        for curve in curves
    ]
    y, title = Axis(label=f"{which}, ms", log=True), f"Latency against rate, {which}"
    says = f"Line chart of the {which} latency over the offered rate of {len(series)} series; the data is below."
    return figure(title, _meaning(which), line_chart(series, RATE, y, says), chart.data(title, series, RATE, y))


def _at_one_rate(curves: Sequence[Curve], which: str) -> Markup:
    rows = [
        Bar(name=f"{curve.name}, {best.asked}", parts=[best.percentiles[which]])
        for curve in curves
        if (best := curve.best)
    ]
    title = f"Latency at one rate, {which}"
    says = f"Bar chart of the {which} latency in ms: " + "; ".join(f"{row.name} {number(row.parts[0])}" for row in rows)
    return figure(title, f"In ms. {_meaning(which)}", bars.bars(rows, f"{says}."), bars.data(title, rows, "ms"))


def _meaning(which: str) -> str:
    return "Half of the requests were quicker." if which == "p50" else "One in a hundred took longer."


def _by_percentile(curves: Sequence[Curve]) -> Markup | None:
    series = [
        Series(name=f"{curve.name}, {best.asked}", points=best.distribution)
        for curve in curves
        if (best := curve.best) and best.distribution
    ]
    if not series:
        return None
    deepest = max(point.x for one in series for point in one.points)
    every = range(0, max(1, math.ceil(deepest)) + 1, 1 if deepest <= MOST_NINES else 2)
    ticks = tuple((float(index), _nines(index)) for index in every)
    if ticks[-1][0] < deepest:
        ticks += ((deepest, ""),)
    x = Axis(label="of the requests were quicker", says=_nines, ticks=ticks)
    y = Axis(label="latency, ms", log=True)
    says = "Line chart of latency by percentile: " + "; ".join(
        f"{one.name}: half within {number(_at(one, 0.3))} ms, the slowest {number(one.points[-1].y)} ms"
        for one in series
    )
    title = "Percentiles"
    about = "From the histogram of every good answer, at the highest rate that counts and was kept."
    listed = [Series(name=one.name, points=[p for p in one.points if _is_shown(p, one)]) for one in series]
    return figure(title, about, line_chart(series, x, y, f"{says}."), chart.data(title, listed, x, y))


def _nines(place: float) -> str:
    return f"{100 * (1 - 10**-place):.9g} %"


def _at(series: Series, nines: float) -> float:
    return min(series.points, key=lambda point: abs(point.x - nines)).y


def _is_shown(point: Point, series: Series) -> bool:
    """Not all of them: a half and a tenth of each nine, and the slowest."""
    return f"{10**-point.x:.0e}"[0] in "15" or point is series.points[-1]


def _by_stage(curves: Sequence[Curve]) -> Markup | None:
    with_stages = [(curve, best) for curve in curves if (best := curve.best) and best.stages]
    if not with_stages:
        return None
    names = list(dict.fromkeys(name for _, best in with_stages for name in best.stages))
    rows = [
        Bar(name=f"{curve.name}, {best.asked}", parts=[best.stages.get(name, 0.0) for name in names])
        for curve, best in with_stages
    ]
    says = "Stacked bars of the mean ms in each stage: " + "; ".join(
        f"{row.name}: " + ", ".join(f"{name} {number(ms)}" for name, ms in zip(names, row.parts, strict=True))
        for row in rows
    )
    title, about = "Where the time goes", "Mean ms in each stage as the server says it, and what is left of the whole."
    return figure(title, about, bars.bars(rows, f"{says}.", names), bars.data(title, rows, "ms", names))


def _limits(results: Sequence[Result]) -> Markup | None:
    """What `slo` found."""
    rows = []
    for result in results:
        if result.verb == "slo":
            with blamed(result.path):
                found: dict[str, Any] = result.content["results"]
                rates = [float(rate) for rate in found["repeats"]]
                kept = interval(median_interval(rates)) if rates else "none"
                rows.append([str(result.path), f"{float(found['p99_ms']):g}", kept, len(rates)])
    heads = ("file", "limit of p99, ms", "highest rate within it, requests/s", "repeats")
    return table("Sustainable rates", heads, rows) if rows else None


def _loads(curves: Sequence[Curve]) -> Markup:
    rows = [
        [
            *(curve.name, load.asked, load.achieved),
            *(load.percentiles.get(which) or "–" for which in PERCENTILES),
            *(load.requests, load.errors, _remark(load)),
        ]
        for curve in curves
        for load in curve.loads
    ]
    heads = ("what", "load", "answered/s", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "requests", "errors", "remarks")
    return table("Every load", heads, rows)


def _remark(load: Load) -> str:
    remarks = ["partial"] if load.interrupted else []
    remarks += [f"void: {load.void}"] if load.void else []
    remarks += ["saturated"] if load.saturated and not load.void else []
    remarks += ["closed loop: hides what queues behind a slow answer"] if load.rate is None else []
    remarks += words(load.sizes)
    remarks += [] if load.padding_share is None else [f"{load.padding_share:.1%} of what was computed was padding"]
    remarks += [f"{count:,} × {name}" for name, count in load.outcomes.items() if name != "ok"]
    return "; ".join(remarks) or "–"
