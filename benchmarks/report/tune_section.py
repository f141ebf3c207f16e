"""`tune`: the settings that won, how the best rate rose, and the outcome of every point."""

from collections.abc import Mapping, Sequence
from typing import Any

from torchferry.benchmarks.interval import Interval
from torchferry.benchmarks.load.sizes import words
from torchferry.benchmarks.report import bars
from torchferry.benchmarks.report.bars import Bar
from torchferry.benchmarks.report.chart import Axis, Point, Series, line_chart
from torchferry.benchmarks.report.markup import Markup, figure, interval, number, table, tag
from torchferry.benchmarks.report.section import Section, columns, origin
from torchferry.benchmarks.report.source import Result, blamed

SECONDS = Axis(label="seconds", zero=True)
RATE = Axis(label="requests/s", zero=True)
MOST_BARS = 12
BARS = {
    "rate": ("The highest rate of a point", "In requests a second, of those measured fully; longer is better."),
    "capacity": ("What a point answers at most", "In requests a second, of a closed loop: its bound."),
}


def tune_section(result: Result) -> Section:
    with blamed(result.path):
        found: dict[str, Any] = result.content["results"]
        model = f"{found['model']}"
        title = f"{'Grid of settings' if found['grid'] else 'Tuning'} for {model} by {found['runtime']}"
        pictures = [_course(found), *(_bars(found["points"], key) for key in BARS)]
        content = [
            origin(result.path),
            tag("p", _outcome(found)),
            columns(*pictures) if any(pictures) else None,
            _points(found["points"]),
        ]
        facts = [(f"tuned settings, {model}", f"{found['winner']['name']}")] if found["winner"] else []
    return Section(title=title, content=content, facts=facts)


def _outcome(found: Mapping[str, Any]) -> str:
    within = f"p99 within {float(found['p99_ms']):g} ms on {found['cores']} cores"
    counts = ", ".join(f"{count} {verdict}" for verdict, count in found["counts"].items() if count)
    sent = "".join(f" Sent: {said}." for said in words(found.get("sizes", {})))
    tried = f"Of the points {counts}; {number(found['seconds'])} s and {found['probes']:,} probes.{sent}"
    partial = "" if found["interrupted"] is None else "Partial: it was interrupted. "
    if not found["winner"]:
        return f"{partial}No settings were found that keep {within}. {tried}"
    rate = interval(Interval(**found["rate"]))
    return f"{partial}{found['winner']['name']} keeps {within} up to {rate} requests/s. {tried}"


def _course(found: Mapping[str, Any]) -> Markup | None:
    """A step for each new best."""
    points: list[Point] = []
    for step in found["course"]:
        at, rate = float(step["seconds"]), float(step["rate"])
        points += [Point(x=at, y=points[-1].y)] if points else []
        points.append(Point(x=at, y=rate))
    if not points:
        return None
    points.append(Point(x=float(found["seconds"]), y=points[-1].y))
    says = "Line chart of the best rate over the seconds of the search: " + "; ".join(
        f"{step['name']} {number(step['rate'])} requests/s after {number(step['seconds'])} s"
        for step in found["course"]
    )
    title, series = "The best rate until then", [Series(name="best rate", points=points)]
    about = "The highest that held within the limit, over the time of the search."
    drawing = line_chart(series, SECONDS, RATE, f"{says}.")
    rows = [[step["name"], float(step["seconds"]), float(step["rate"])] for step in found["course"]]
    return figure(title, about, drawing, table(title, ["", "from second", "requests/s"], rows))


def _bars(points: Sequence[Mapping[str, Any]], key: str) -> Markup | None:
    given = sorted((point for point in points if point[key]), key=lambda point: -point[key])[:MOST_BARS]
    if not given:
        return None
    title, about = BARS[key]
    rows = [Bar(name=point["name"], parts=[float(point[key])]) for point in given]
    says = f"Bar chart, {title.lower()}: " + "; ".join(f"{row.name} {number(row.parts[0])}" for row in rows)
    return figure(title, about, bars.bars(rows, f"{says}."), bars.data(title, rows, "requests/s"))


def _points(points: Sequence[Mapping[str, Any]]) -> Markup:
    rows = [
        [
            *(point["name"], point["verdict"], _number(point["capacity"]), _number(point["rate"])),
            ", ".join(map(number, point["confirmed"])) or "–",
            *(len(point["probes"]), float(point["seconds"]), point["why"] or "–"),
        ]
        for point in points
    ]
    heads = ("", "outcome", "at most/s", "held/s", "held again/s", "probes", "seconds", "why")
    return table("Every point", heads, rows)


def _number(value: float | None) -> str:
    return number(None if value is None else float(value))
