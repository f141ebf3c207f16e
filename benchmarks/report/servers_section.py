"""`servers`: ours beside others, as bars with their intervals, lines over fixed rates, and tables."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from torchferry.benchmarks.interval import Interval
from torchferry.benchmarks.report import bars, chart
from torchferry.benchmarks.report.bars import Bar
from torchferry.benchmarks.report.chart import Axis, Point, Series, line_chart
from torchferry.benchmarks.report.markup import Markup, figure, number, table, tag
from torchferry.benchmarks.report.section import Section, columns, origin
from torchferry.benchmarks.report.source import Result, blamed

PICTURES = {
    "p50 ms": ("Latency, p50", "In ms, of a closed loop with one connection; shorter is better."),
    "p99 ms": ("Latency, p99", "In ms, of the same; shorter is better."),
    "answered/s": ("Throughput", "Answers a second, of a closed loop with 16 connections; longer is better."),
    "CPU ms": ("Processor time", "In ms for one request, of all the server's processes; shorter is better."),
    "memory MB": ("Memory", "MB after the load; shorter is better."),
    "ready s": ("Start", "Seconds to the first right answer; shorter is better."),
    "within SLO/s": ("Within the limit", "The highest rate with p99 within it; longer is better."),
    "MB on disk": ("Size", "MB of all that has to be installed to serve; shorter is better."),
}
LIMITS = ("bare", "bare-workers", "limit")
"""They have nothing of a server's features, so that none of them is the fastest server."""
AT_A_RATE = re.compile(r"(p50|p99) ms at (.+)/s")
RATE = Axis(label="offered requests/s", log=True)


def servers_section(result: Result) -> Section:
    with blamed(result.path):
        measured: list[dict[str, Any]] = result.content["results"]["measured"]
        figures = {row["name"]: {name: Interval(**found) for name, found in row["figures"].items()} for row in measured}
        asked = result.content["arguments"]
        model = f"{result.content['results']['model']}"
        shown = [name for name in PICTURES if any(name in of for of in figures.values())]
        at_rates = [name for name in dict.fromkeys(name for of in figures.values() for name in of) if _rate(name)]
        content = [
            origin(result.path),
            tag(
                "p",
                f"{_partial(result)}Medians over {len(measured[0]['rounds'])} rounds, each of which starts every "
                "server anew; whiskers and brackets are bootstrap intervals at 95 %.",
            ),
            columns(
                *(_picture(name, figures) for name in shown),
                *(_over_rates(which, figures) for which in ("p50", "p99") if at_rates),
            ),
            _table(measured, figures, [*shown, *at_rates]),
            *_compared(measured),
            *_missing(result.content["results"]["missing"]),
        ]
        rates = {
            row["name"]: figures[row["name"]]["answered/s"].median
            for row in measured
            if row["name"].removesuffix("+batch") not in LIMITS
        }
        fastest = max(rates, key=lambda name: rates[name], default=None)
        facts = [(f"most answers/s, {model}", f"{fastest}, {number(rates[fastest])}")] if fastest else []
    return Section(title=f"Servers with {model} {asked['variant']}", content=content, facts=facts)


def _partial(result: Result) -> str:
    return "Partial: it was interrupted. " if result.content["results"]["interrupted"] else ""


def _picture(name: str, figures: Mapping[str, Mapping[str, Interval]]) -> Markup:
    title, about = PICTURES[name]
    rows = [
        Bar(name=server, parts=[of[name].median], interval=(of[name].low, of[name].high))
        for server, of in figures.items()
        if name in of
    ]
    says = f"Bar chart of {name}: " + "; ".join(f"{row.name} {number(row.parts[0])}" for row in rows)
    return figure(title, about, bars.bars(rows, f"{says}."), bars.data(title, rows, name))


def _over_rates(which: str, figures: Mapping[str, Mapping[str, Interval]]) -> Markup:
    """A server has no point where it did not follow."""
    points = {
        server: sorted((rate, of[name].median) for name in of if name.startswith(which) and (rate := _rate(name)))
        for server, of in figures.items()
    }
    series = [
        Series(name=server, points=[Point(x=rate, y=ms) for rate, ms in found])
        for server, found in points.items()
        if found
    ]
    title, y = f"Latency at fixed rates, {which}", Axis(label=f"{which}, ms", log=True)
    about = "Of an open loop with requests at random times; there is no point where a server did not follow."
    says = f"Line chart of the {which} latency over the offered rate of {len(series)} servers; the data is below."
    return figure(title, about, line_chart(series, RATE, y, says), chart.data(title, series, RATE, y))


def _rate(name: str) -> float | None:
    """Requests a second, of a figure that is of a fixed rate."""
    found = AT_A_RATE.fullmatch(name)
    return float(found[2]) if found else None


def _table(
    measured: Sequence[Mapping[str, Any]], figures: Mapping[str, Mapping[str, Interval]], shown: Sequence[str]
) -> Markup:
    rows = [
        [
            *(row["name"], row["server"] or "–", row["protocol"], row["workers"], row["threads"], row["payload_bytes"]),
            *(number(figures[row["name"]][name].median) if name in figures[row["name"]] else "–" for name in shown),
        ]
        for row in measured
    ]
    heads = ("", "version", "protocol", "workers", "threads", "bytes sent", *shown)
    return table("Medians of each server", heads, rows)


def _compared(measured: Sequence[Mapping[str, Any]]) -> list[Markup]:
    made = []
    for base in dict.fromkeys(base for row in measured for base in row["to"]):
        rows = [(row["name"], row["to"][base]) for row in measured if base in row["to"]]
        names = list(dict.fromkeys(name for _, ratios in rows for name in ratios))
        cells = [
            [name, *(str(Interval(**ratios[key])) if key in ratios else "–" for key in names)] for name, ratios in rows
        ]
        heads = ["", *(key if key.endswith("more") else f"{key}, ratio" for key in names)]
        made.append(table(f"Compared with {base} in the same round", heads, cells))
    return made


def _missing(missing: Mapping[str, str]) -> list[Markup]:
    return [tag("p", tag("b", name), f" is missing: {reason}") for name, reason in missing.items()]
