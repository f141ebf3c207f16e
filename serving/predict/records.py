"""Results as text: lines for people, CSV or JSON lines, one for each sample."""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from torchferry.errors import UserError
from torchferry.serving.predict.answers import Answer, Result, Unanswered
from torchferry.serving.predict.sample import Sample

OWN = ("source", "row", "error")
"""Columns of every CSV; a value of such a name has `value_` before it."""


class Records(ABC):
    """A way to write results. A record is always one line: line breaks in names are written as \\n."""

    def __init__(self, top_k: int | None) -> None:
        """With `top_k` a classifier's so many best labels are in each record, without it only the best one."""
        self.top_k = top_k

    def head(self, answer: Answer) -> str:  # noqa: ARG002
        """What stands before the first record; `answer` is the first that there is."""
        return ""

    @abstractmethod
    def record(self, sample: Sample, result: Result) -> str:
        """With the line break at its end; empty for one that is written elsewhere."""


class Lines(Records):
    """For people; a sample without an answer is told on stderr."""

    def record(self, sample: Sample, result: Result) -> str:
        if isinstance(result, Unanswered):
            return ""
        if self.top_k and result.get("top_k"):
            said = ", ".join(f"{each['label']}  {each['probability']:.4f}" for each in result["top_k"])
        elif "label" in result:
            said = f"{result['label']}  {_number(result['probability'])}"
        else:
            said = ", ".join(f"{name} {_short(value)}" for name, value in _cells(result, None))
        return f"{said}  {one_line(sample.place)}\n"


class JsonLines(Records):
    """An object on each line: source, row, and the answer as a server gives it, or the error."""

    def record(self, sample: Sample, result: Result) -> str:
        where: dict[str, Any] = {"source": sample.source, "row": sample.row}
        if isinstance(result, Unanswered):
            return json.dumps(where | {"error": result.why}) + "\n"
        said = {key: value for key, value in result.items() if key != "top_k" or self.top_k}
        return json.dumps(where | said) + "\n"


class Csv(Records):
    """Source, row, a column for each value of the first answer, and the error; what is no number or text is JSON."""

    columns: tuple[str, ...] = ()

    def head(self, answer: Answer) -> str:
        self.columns = tuple(name for name, _ in _cells(answer, self.top_k))
        return _line(("source", "row", *self.columns, "error"))

    def record(self, sample: Sample, result: Result) -> str:
        where = (sample.source, "" if sample.row is None else sample.row)
        if isinstance(result, Unanswered):
            return _line((*where, *[""] * len(self.columns), result.why))
        cells = dict(_cells(result, self.top_k))
        if unknown := [name for name in cells if name not in self.columns]:
            raise UserError(
                f"{sample.place}: is answered with {', '.join(unknown)}, for which the CSV has no column; "
                "--format jsonl takes answers of several kinds"
            )
        return _line((*where, *(_cell(cells.get(name)) for name in self.columns), ""))


FORMATS: dict[str, type[Records]] = {"csv": Csv, "jsonl": JsonLines}


def one_line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _cells(answer: Answer, top_k: int | None) -> Iterator[tuple[str, Any]]:
    """Columns and their values: a regression's values and outputs by their names, labels from the second on."""
    for key, value in answer.items():
        if key == "top_k":
            for place, each in enumerate(value[1:top_k] if top_k else (), 2):
                yield f"label_{place}", each["label"]
                yield f"probability_{place}", each["probability"]
        elif isinstance(value, dict):
            yield from ((f"value_{name}" if name in OWN else name, inner) for name, inner in value.items())
        else:
            yield key, value


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value)


def _line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    written = [one_line(cell) if isinstance(cell, str) else cell for cell in cells]
    csv.writer(text, lineterminator="\n").writerow(written)
    return text.getvalue()


def _number(value: float | None) -> str:
    return "nan" if value is None else f"{value:.4f}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(value)
    return one_line(text) if len(text) <= 60 else f"{one_line(text[:60])}…"
