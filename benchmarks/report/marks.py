"""Colour, dashes, marker and letter of each line or bar, and the legend that explains them."""

from collections.abc import Sequence

from torchferry.benchmarks.report.markup import Markup, tag

COLOURS = 6
DASHES = (None, "7 3", "2 3", "9 3 2 3", "12 4", "4 2", "1 2")


def legend(names: Sequence[str], *, lined: bool = False) -> Markup:
    """Of lines, or of the colours of bars."""
    return tag(
        "ul",
        *(tag("li", _swatch(index, lined), tag("b", letter(index)), " ", name) for index, name in enumerate(names)),
        class_="legend",
    )


def letter(index: int) -> str:
    return chr(ord("A") + index) if index < 26 else str(index + 1)


def shape(index: int, x: float, y: float, mark: str | None = None) -> Markup:
    """Circle, square, triangle, diamond, and a triangle on its head."""
    if mark == "void":
        return tag("path", d=f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8", class_="cross")
    outline = (
        f"M{x - 3.5:.1f} {y:.1f}a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0 -7 0z",
        f"M{x - 3:.1f} {y - 3:.1f}h6v6h-6z",
        f"M{x:.1f} {y - 4.5:.1f}l4 7h-8z",
        f"M{x:.1f} {y - 4.5:.1f}l4.5 4.5l-4.5 4.5l-4.5 -4.5z",
        f"M{x:.1f} {y + 4.5:.1f}l4 -7h-8z",
    )[index % 5]
    return tag("path", d=outline, class_="hollow" if mark else "dot")


def _swatch(index: int, lined: bool) -> Markup:
    wide, parts = 16, [tag("rect", x=2, y=1, width=12, height=12, class_="bar")]
    if lined:
        dashes = DASHES[index % len(DASHES)]
        wide, parts = 36, [tag("path", d="M1 7H35", stroke_dasharray=dashes, class_="line"), shape(index, 18, 7)]
    size = {"viewBox": f"0 0 {wide} 14", "width": wide, "height": 14}
    return tag("svg", *parts, **size, aria_hidden="true", class_=f"s{index % COLOURS}")
