"""Horizontal bars as SVG, their names above them so that a long one fits on a phone."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from torchferry.benchmarks.report.marks import COLOURS, legend, letter
from torchferry.benchmarks.report.markup import Markup, joined, number, table, tag

WIDTH, END = 420, 350  # of the drawing; of the longest bar, behind which its value is written
THICK, NAME, BELOW = 18, 17, 9  # a bar, a line of its name, and the space to the next
LETTERS = 46  # of a name in a line
LEAST_SEEN = 2.5
LEAST_LETTERED = 14  # a narrower part has no room for its letter


@dataclass(frozen=True, kw_only=True)
class Bar:
    name: str
    parts: Sequence[float]
    """One after the other; a single one for a plain bar."""
    interval: tuple[float, float] | None = None


def bars(rows: Sequence[Bar], says: str, parts: Sequence[str] = ()) -> Markup:
    """The drawing, and a legend of the `parts` if each bar has several."""
    longest = max((max(sum(_shown(row)), *(row.interval or (0,))) for row in rows), default=0) or 1
    per = END / longest
    drawn, top = [], 0
    for row in rows:
        lines = textwrap.wrap(row.name, LETTERS) or [""]
        drawn.append(_row(row, lines, top, per, bool(parts)))
        top += len(lines) * NAME + THICK + BELOW
    box = f"0 0 {WIDTH} {top}"
    svg = tag("svg", *drawn, viewBox=box, role="img", aria_label=says, class_="chart")
    return joined([svg, legend(parts)]) if parts else svg


def data(caption: str, rows: Sequence[Bar], unit: str, parts: Sequence[str] = ()) -> Markup:
    if parts:
        return table(caption, ["", *(f"{name}, {unit}" for name in parts)], [[row.name, *row.parts] for row in rows])
    if not any(row.interval for row in rows):
        return table(caption, ["", unit], [[row.name, row.parts[0]] for row in rows])
    intervals = [" to ".join(map(number, row.interval)) if row.interval else "–" for row in rows]
    cells = [[row.name, row.parts[0], found] for row, found in zip(rows, intervals, strict=True)]
    return table(caption, ["", unit, "interval"], cells)


def _row(row: Bar, lines: Sequence[str], top: float, per: float, lettered: bool) -> Markup:
    parts = [tag("text", line, x=0, y=top + NAME * index + 13) for index, line in enumerate(lines)]
    left, at = 0.0, top + NAME * len(lines) + 1
    for index, value in enumerate(_shown(row)):
        width = max(value * per, LEAST_SEEN if value else 0.0)
        colour = f"s{index % COLOURS}"
        shape = tag("rect", x=round(left, 1), y=at, width=round(width, 1), height=THICK, class_="bar")
        parts.append(tag("g", shape, class_=colour))
        if lettered and width >= LEAST_LETTERED:
            middle = round(left + width / 2, 1)
            parts.append(tag("text", letter(index), x=middle, y=at + 13.5, text_anchor="middle", class_="in-bar"))
        left += width
    if row.interval:
        low, high = (round(value * per, 1) for value in row.interval)
        y = at + THICK / 2
        whisker = f"M{low} {y}H{high}M{low} {y - 4}v8M{high} {y - 4}v8"
        parts += [tag("path", d=whisker, class_="halo"), tag("path", d=whisker, class_="whisker")]
        left = max(left, high)
    parts.append(tag("text", number(sum(row.parts)), x=round(left + 6, 1), y=at + 14, class_="value"))
    return joined(parts)


def _shown(row: Bar) -> list[float]:
    """A rest can be below zero by rounding, and then has no length."""
    return [max(0.0, value) for value in row.parts]
