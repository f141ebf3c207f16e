"""HTML as strings that cannot be mistaken: what is not Markup is escaped on its way in."""

import html
import math
import re
from collections.abc import Iterable, Sequence

from torchferry.benchmarks.interval import Interval

ALONE = ("meta", "img")
LONG = 24  # letters of a cell that is a sentence
FIGURE = re.compile(r"[-+−]?\d[\d,.]*(e[-+]?\d+)?( ?(%|ms|s|kB|MB))?( \[.*\]| \(\w+\))?|–|none")


class Markup(str):
    """Text that is HTML already."""


def tag(name: str, /, *children: object, **attributes: object) -> Markup:
    """An element. `class_` is class and `aria_label` aria-label; None and False leave an attribute or a child out."""
    written = "".join(f" {_name(key)}{_value(value)}" for key, value in attributes.items() if _given(value))
    inner = "".join(child if isinstance(child, Markup) else escaped(child) for child in children if _given(child))
    return Markup(f"<{name}{written}>" if name in ALONE else f"<{name}{written}>{inner}</{name}>")


def escaped(value: object) -> Markup:
    return Markup(html.escape(str(value)))


def joined(parts: Iterable[Markup]) -> Markup:
    return Markup("".join(parts))


def number(value: float | None) -> str:
    """For people: three digits, all of those before the point; a dash for what is no number."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percent(share: float | None) -> str:
    return "–" if share is None or not math.isfinite(share) else f"{100 * share:.2f} %"


def interval(found: Interval) -> str:
    return f"{number(found.median)} [{number(found.low)}, {number(found.high)}]"


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Markup:
    """The first cell of a row names it. It scrolls by itself where it is wider than the page, also by keyboard."""
    shown = [[_shown(value) for value in row] for row in rows]
    right = ["n" if all(map(_is_figure, column)) else None for column in zip(*shown, strict=True)] or [None] * len(
        heads
    )
    right[0] = None
    head = tag("tr", *(tag("th", text, scope="col", class_=n) for text, n in zip(heads, right, strict=True)))
    body = joined(
        tag("tr", tag("th", first, scope="row"), *(_cell(text, n) for text, n in zip(rest, right[1:], strict=True)))
        for first, *rest in shown
    )
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", body))
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def figure(title: str, about: str, drawing: Markup, data: Markup | None = None) -> Markup:
    """A picture under its title, with the numbers behind it for those who cannot see it, or want them."""
    caption = tag("figcaption", tag("strong", title), " ", about)
    return tag("figure", caption, drawing, data and folded(f"Data: {title}", data))


def folded(summary: str, content: Markup) -> Markup:
    return tag("details", tag("summary", summary), content)


def slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "part"


def _cell(value: object, of_column: str | None) -> Markup:
    return tag("td", value, class_=of_column or ("long" if len(str(value)) > LONG else None))


def _shown(value: object) -> object:
    return number(value) if isinstance(value, float) else f"{value:,}" if type(value) is int else value


def _is_figure(value: object) -> bool:
    return not isinstance(value, Markup) and bool(FIGURE.fullmatch(str(value)))


def _given(value: object) -> bool:
    return value is not None and value is not False


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    return "" if value is True else f'="{html.escape(str(value))}"'
