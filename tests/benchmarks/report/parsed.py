"""A report as its elements."""

from html.parser import HTMLParser
from pathlib import Path

from torchferry.benchmarks.report.report_command import main
from torchferry.benchmarks.report.section import Section

ALONE = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """All elements in their order, each with its attributes and the text within."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.open: list[int] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), []))
        if tag not in ALONE:
            self.open.append(len(self.elements) - 1)

    def handle_endtag(self, tag: str) -> None:
        assert self.elements[self.open.pop()][0] == tag, f"a stray </{tag}>"

    def handle_data(self, data: str) -> None:
        for index in self.open:
            self.elements[index][2].append(data)

    def all(self, *tags: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, "".join(text)) for tag, attributes, text in self.elements if tag in tags]

    def table(self, caption: str) -> list[list[str]]:
        """The cells of the first table whose caption begins so."""
        rows: list[list[str]] = []
        inside = False
        for tag, _, text in self.elements:
            if tag == "caption":
                if rows:
                    break
                inside = "".join(text).startswith(caption)
            elif inside and tag == "tr":
                rows.append([])
            elif inside and tag in ("th", "td"):
                rows[-1].append("".join(text))
        assert rows, f"there is no table '{caption}'"
        return rows


def report(folder: Path, *sources: Path) -> Page:
    main([*map(str, sources), "--output", str(folder / "made.html")])
    return Page((folder / "made.html").read_text())


def shown(section: Section) -> Page:
    return Page("".join(part for part in section.content if part))
