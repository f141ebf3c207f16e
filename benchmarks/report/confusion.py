"""The confusion matrix of a run: which labels were taken for which."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from torchferry.benchmarks.report.markup import Markup, figure, folded, joined, number, percent, table, tag
from torchferry.benchmarks.report.source import blamed

MOST_LABELS = 20  # of a matrix that can be read; of more labels only the mistakes are listed
MOST_MISTAKES = 12
SHADES = 5


@dataclass(frozen=True)
class Confusion:
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """A row for each true label, a column for each predicted one."""

    def mistakes(self) -> list[tuple[int, int, int]]:
        """Row, column and count, the most frequent first; two labels may have the same name."""
        found = [(true, seen, count) for true, seen, count in self._cells() if true != seen and count]
        return sorted(found, key=lambda one: -one[2])

    def _cells(self) -> Iterator[tuple[int, int, int]]:
        for true, row in enumerate(self.counts):
            for seen, count in enumerate(row):
                yield true, seen, count


def read_confusion(path: Path) -> Confusion | None:
    """None for a run without classes. Raises UserError for a file that is not as the trainer writes it."""
    if not path.is_file():
        return None
    with blamed(path), path.open(newline="", encoding="utf-8") as file:
        (_, *labels), *rows = csv.reader(file)
        counts = tuple(tuple(map(int, row)) for _, *row in rows)
        if any(count < 0 for row in counts for count in row):
            raise ValueError("it has a count below 0")
        if {len(labels)} != {len(counts), *map(len, counts)} or not labels:
            raise ValueError("it has not as many lines as columns")
    return Confusion(tuple(labels), counts)


def draw(found: Confusion) -> Markup:
    """A matrix with shaded cells where it can be read, and the most frequent mistakes and each label's share."""
    mistakes = found.mistakes()
    wrong, total = sum(count for *_, count in mistakes), sum(map(sum, found.counts))
    about = f"{wrong:,} of {total:,} test samples were taken for another label."
    heads = ("true", "predicted", "samples", "of the true label")
    rows = [
        (found.labels[true], found.labels[seen], count, percent(count / sum(found.counts[true])))
        for true, seen, count in mistakes[:MOST_MISTAKES]
    ]
    content = [
        _matrix(found) if len(found.labels) <= MOST_LABELS else None,
        table("The most frequent mistakes", heads, rows) if rows else None,
        folded("Data: each label", table("Each label of the test set", ("label", "samples", "right"), _each(found))),
    ]
    return figure("Confusion matrix", about, joined(part for part in content if part))


def _each(found: Confusion) -> Iterator[tuple[str, int, str]]:
    for index, (label, row) in enumerate(zip(found.labels, found.counts, strict=True)):
        yield label, sum(row), percent(row[index] / sum(row)) if sum(row) else number(None)


def _matrix(found: Confusion) -> Markup:
    caption = "Rows are the true labels, columns what was predicted; what is off the diagonal is a mistake"
    head = tag("tr", tag("th", "true", scope="col"), *(tag("th", label, scope="col") for label in found.labels))
    body = joined(
        tag("tr", tag("th", label, scope="row"), *_row(row, true))
        for true, (label, row) in enumerate(zip(found.labels, found.counts, strict=True))
    )
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", body), class_="matrix")
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _row(row: tuple[int, ...], true: int) -> Iterator[Markup]:
    """Blue for what is right, orange for mistakes, the stronger the larger their share of the true label."""
    for seen, count in enumerate(row):
        shade = -(-SHADES * count // sum(row)) if count else 0
        yield tag("td", f"{count:,}", class_=f"n {'right' if seen == true else 'wrong'} k{shade}")
