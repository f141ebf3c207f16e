"""A section of a report: its heading, its key figures and its content."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torchferry.benchmarks.report.markup import Markup, tag


@dataclass(frozen=True, kw_only=True)
class Section:
    title: str
    content: Sequence[Markup | None]
    facts: Sequence[tuple[str, str]] = ()
    """The few figures that one would tell somebody else, for the top of the page."""


def origin(path: Path) -> Markup:
    return tag("p", f"From {path}.", class_="note")


def columns(*figures: Markup | None) -> Markup:
    """Figures beside each other where the page is wide enough."""
    return tag("div", *figures, class_="columns")
