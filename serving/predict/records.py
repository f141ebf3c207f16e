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

PLAIN = ("values", "probabilities", "shares", "outputs")
"""Members that are numbers by name; any other object in an answer is what a head says."""
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
        return f"{self._said(result)}  {one_line(sample.place)}\n"

    def _said(self, answer: Answer) -> str:
        if heads := _heads(answer):
            return "; ".join(f"{head}: {self._said(own)}" for head, own in heads.items())
        if "label" in answer:
            return self._labels(answer)
        if "labels" in answer:
            return _several(answer)
        if _is_objects(answer):
            return ", ".join(f"{each['label']}  {_number(each['score'])}" for each in answer["objects"]) or "no object"
        if _labelled_outputs(answer):
            return "; ".join(f"{name}: {self._output(value)}" for name, value in answer["outputs"].items())
        return ", ".join(f"{name} {_short(value)}" for name, value in _cells(answer, None))

    def _output(self, value: Any) -> str:
        return self._labels(value) if _is_labelled(value) else _short(value)

    def _labels(self, answer: Answer) -> str:
        """The best ones, each with its probability or score."""
        top = answer["top_k"] if self.top_k and answer.get("top_k") else [answer]
        return ", ".join(f"{_named(each['label'])}  {_number(_score(each))}" for each in top)


class JsonLines(Records):
    """An object on each line: source, row, and the answer as a server gives it, or the error."""

    def record(self, sample: Sample, result: Result) -> str:
        where: dict[str, Any] = {"source": sample.source, "row": sample.row}
        if isinstance(result, Unanswered):
            return json.dumps(where | {"error": result.why}) + "\n"
        return json.dumps(where | (result if self.top_k else _without_top_k(result))) + "\n"


class Csv(Records):
    """Source, row, a column for each value of the first answer, and the error; what is no number or text is JSON."""

    columns: tuple[str, ...] = ()

    def head(self, answer: Answer) -> str:
        self.columns = tuple(name for name, _ in _cells(answer, self.top_k))
        return csv_line(("source", "row", *self.columns, "error"))

    def record(self, sample: Sample, result: Result) -> str:
        where = (sample.source, "" if sample.row is None else sample.row)
        if isinstance(result, Unanswered):
            return csv_line((*where, *[""] * len(self.columns), result.why))
        cells = dict(_cells(result, self.top_k))
        if unknown := [name for name in cells if name not in self.columns]:
            raise UserError(
                f"{sample.place}: is answered with {', '.join(unknown)}, for which the CSV has no column; "
                "--format jsonl takes answers of several kinds"
            )
        return csv_line((*where, *(_cell(cells.get(name)) for name in self.columns), ""))


FORMATS: dict[str, type[Records]] = {"csv": Csv, "jsonl": JsonLines}


def has_labels(answer: Answer) -> bool:
    """Whether they are ranked, those of the sample, of a head, or of one of several outputs."""
    return _is_labelled(answer) or _labelled_outputs(answer) or any(map(has_labels, _heads(answer).values()))


def one_line(text: str) -> str:
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _cells(answer: Answer, top_k: int | None) -> Iterator[tuple[str, Any]]:
    """Columns and their values: a regression's values and outputs by their names, probabilities by their labels' where
    several labels may be given, and labels from the second on.

    What a head says, or an output with labels of its own, has its name before it, and ':', which no name has.
    """
    heads = _heads(answer)
    for key, value in answer.items():
        if key in heads:
            yield from ((f"{key}:{name}", inner) for name, inner in _cells(value, top_k))
        elif key == "top_k":
            for place, each in enumerate(value[1:top_k] if top_k else (), 2):
                yield from ((f"{name}_{place}", inner) for name, inner in each.items())
        elif isinstance(value, dict):
            taken = (*OWN, "labels") if "labels" in answer else OWN
            for name, inner in value.items():
                if _is_labelled(inner):
                    yield from ((f"{name}:{own}", said) for own, said in _cells(inner, top_k))
                else:
                    yield (f"value_{name}" if name in taken else name), inner
        else:
            yield key, value


def _heads(answer: Answer) -> dict[str, Answer]:
    """What each says, by its name; none of an answer of one head."""
    return {name: value for name, value in answer.items() if isinstance(value, dict) and name not in PLAIN}


def _labelled_outputs(answer: Answer) -> bool:
    return any(map(_is_labelled, answer.get("outputs", {}).values()))


def _is_labelled(value: Any) -> bool:
    """Whether it is an output's label with its score."""
    return isinstance(value, dict) and "label" in value


def _is_objects(answer: Answer) -> bool:
    """Whether it says what was found in a picture."""
    objects = answer.get("objects")
    return isinstance(objects, list) and all(
        isinstance(each, dict) and {"label", "score"} <= each.keys() for each in objects
    )


def _several(answer: Answer) -> str:
    """All labels that were given, each with its probability."""
    found = [f"{label}  {_number(answer['probabilities'][label])}" for label in answer["labels"]]
    return ", ".join(found) or _named(None)


def _score(labelled: Answer) -> float | None:
    """Of a label: its probability, or the score that an output gave."""
    number: float | None = labelled["probability"] if "probability" in labelled else labelled["score"]
    return number


def _without_top_k(answer: Answer) -> Answer:
    """With the best label alone, also of each head and output."""
    if heads := _heads(answer):
        return answer | {head: _without_top_k(own) for head, own in heads.items()}
    if "outputs" not in answer:
        return {key: value for key, value in answer.items() if key != "top_k"}
    outputs = answer["outputs"]
    return {
        **answer,
        "outputs": {name: _without_top_k(said) if _is_labelled(said) else said for name, said in outputs.items()},
    }


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float) else json.dumps(value)


def csv_line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    written = [one_line(cell) if isinstance(cell, str) else cell for cell in cells]
    csv.writer(text, lineterminator="\n").writerow(written)
    return text.getvalue()


def _named(label: str | None) -> str:
    return "no label" if label is None else label


def _number(value: float | None) -> str:
    return "nan" if value is None else f"{value:.4f}"


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = value if isinstance(value, str) else json.dumps(value)
    return one_line(text) if len(text) <= 60 else f"{one_line(text[:60])}…"
