"""A line chart as SVG: lines differ in colour, dashes, markers and the letter at their end, which the legend explains.

Nothing in it is wider than a phone; in print and in the dark its colours are the page's.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

from torchferry.benchmarks.report.marks import COLOURS, DASHES, legend, letter, shape
from torchferry.benchmarks.report.markup import Markup, joined, number, table, tag
from torchferry.benchmarks.report.scale import Scale, scale

WIDTH, HEIGHT = 420, 290
LEFT, RIGHT, TOP, BOTTOM = 54, 392, 30, 240
MOST_DRAWN, MOST_MARKED, MOST_LISTED = 400, 24, 30
FEWER_MARKED = 9
APART = 15.0  # between two letters
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Point:
    x: float
    y: float
    mark: Literal["void", "saturated"] | None = None


@dataclass(frozen=True, kw_only=True)
class Series:
    name: str
    points: Sequence[Point]
    """In the order in which they are joined."""


@dataclass(frozen=True, kw_only=True)
class Axis:
    label: str
    log: bool = False
    zero: bool = False
    """It has the zero on it."""
    says: Callable[[float], str] = number
    """A value in words."""
    share: bool = False
    """0..1, written in percent."""
    ticks: tuple[tuple[float, str], ...] = ()
    """Where to write what, if not at round values."""


def line_chart(series: Sequence[Series], x: Axis, y: Axis, says: str) -> Markup:
    """The drawing, which `says` its content to those who do not see it, and its legend."""
    drawn = [Series(name=one.name, points=thinned(_finite(one.points, x, y), MOST_DRAWN)) for one in series]
    points = [point for one in drawn for point in one.points]
    across = scale([point.x for point in points], LEFT, RIGHT, log=x.log, zero=x.zero)
    if x.ticks:
        across = Scale(low=x.ticks[0][0], high=x.ticks[-1][0], start=LEFT, end=RIGHT, log=False, ticks=x.ticks)
    up = scale([point.y for point in points], BOTTOM, TOP, log=y.log, zero=y.zero)
    ends = _spread([up.place(one.points[-1].y) if one.points else BOTTOM for one in drawn])
    frame = Frame(across, up, x, y)
    lines = [_line(one, index, frame, end) for index, (one, end) in enumerate(zip(drawn, ends, strict=True))]
    box = f"0 0 {WIDTH} {HEIGHT}"
    svg = tag("svg", _axes(across, up, x, y), *lines, viewBox=box, role="img", aria_label=says, class_="chart")
    return joined([svg, legend([one.name for one in drawn], lined=True), _remarks(points)])


def data(caption: str, series: Sequence[Series], x: Axis, y: Axis) -> Markup:
    """What the lines are drawn from, a column for each."""
    places = sorted({point.x for one in series for point in one.points})
    shown = thinned(places, MOST_LISTED)
    values = [{point.x: point for point in one.points} for one in series]
    rows = [[x.says(at), *(_listed(found.get(at), y) for found in values)] for at in shown]
    if len(shown) < len(places):
        caption += f" ({len(shown)} of {len(places)} points)"
    return table(caption, [x.label, *(one.name for one in series)], rows)


def thinned(values: Sequence[T], most: int) -> Sequence[T]:
    """At most so many of them, evenly, with the first and the last."""
    if len(values) <= most:
        return values
    return [values[round(index * (len(values) - 1) / (most - 1))] for index in range(most)]


@dataclass(frozen=True)
class Frame:
    across: Scale
    up: Scale
    x: Axis
    y: Axis

    def place(self, point: Point) -> tuple[float, float]:
        return self.across.place(point.x), self.up.place(point.y)


def _finite(points: Sequence[Point], x: Axis, y: Axis) -> list[Point]:
    """Those that have a place: a logarithm has none for zero."""
    return [point for point in points if _has_place(point.x, x) and _has_place(point.y, y)]


def _has_place(value: float, axis: Axis) -> bool:
    return math.isfinite(value) and (value > 0 or not axis.log)


def _axes(across: Scale, up: Scale, x: Axis, y: Axis) -> Markup:
    parts = [tag("text", y.label + (", log scale" if up.log else ""), x=4, y=14, class_="axis")]
    for value, text in [(value, f"{100 * value:.6g} %") for value, _ in up.ticks] if y.share else up.ticks:
        at = round(up.place(value), 1)
        parts.append(tag("line", x1=LEFT, x2=RIGHT, y1=at, y2=at, class_="grid"))
        parts.append(tag("text", text, x=LEFT - 6, y=at, dy="0.35em", text_anchor="end"))
    for value, text in across.ticks:
        at = round(across.place(value), 1)
        parts.append(tag("line", x1=at, x2=at, y1=BOTTOM, y2=BOTTOM + 5, class_="tick"))
        parts.append(tag("text", text, x=at, y=BOTTOM + 20, text_anchor="middle"))
    label = x.label + (", log scale" if across.log else "")
    parts.append(tag("text", label, x=(LEFT + RIGHT) / 2, y=HEIGHT - 8, text_anchor="middle", class_="axis"))
    parts.append(tag("line", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM, class_="tick"))
    return joined(parts)


def _line(series: Series, index: int, frame: Frame, end: float) -> Markup:
    # A void point's latency is the generator's, so that no line goes through it.
    joins = [frame.place(point) for point in series.points if point.mark != "void"]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in joins) if joins else ""
    marked = thinned(series.points, MOST_MARKED if len(series.points) <= MOST_MARKED else FEWER_MARKED)
    marked = [*(point for point in series.points if point.mark and point not in marked), *marked]
    parts = [tag("path", d=path, stroke_dasharray=DASHES[index % len(DASHES)], class_="line")] if joins else []
    for point in marked:
        x, y = frame.place(point)
        words = f"{series.name}: {frame.y.says(point.y)} at {frame.x.says(point.x)}" + _in_words(point)
        parts.append(tag("g", tag("title", words), shape(index, x, y, point.mark)))
    if series.points:
        at = frame.place(series.points[-1])[0] + 8
        parts.append(tag("text", letter(index), x=round(at, 1), y=round(end, 1), dy="0.35em", class_="end"))
    return tag("g", *parts, class_=f"s{index % COLOURS}")


def _spread(places: Sequence[float]) -> list[float]:
    """The same, moved as little as it takes that no two letters cover each other."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    for earlier, later in itertools.pairwise(order):
        moved[later] = max(moved[later], moved[earlier] + APART)
    if order and moved[order[-1]] > BOTTOM:
        moved[order[-1]] = BOTTOM
        for later, earlier in itertools.pairwise(order[::-1]):
            moved[earlier] = min(moved[earlier], moved[later] - APART)
    return moved


def _remarks(points: Sequence[Point]) -> Markup:
    marks = {point.mark for point in points}
    words = ["× void, it does not count"] if "void" in marks else []
    words += ["hollow: the server fell behind"] if "saturated" in marks else []
    return tag("p", "; ".join(words) + ".", class_="note") if words else Markup()


def _in_words(point: Point) -> str:
    return f" ({point.mark})" if point.mark else ""


def _listed(point: Point | None, y: Axis) -> str:
    return y.says(point.y) + _in_words(point) if point else "–"
