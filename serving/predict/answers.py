"""The JSON that a server or a bundle answers with, to what it says of each sample."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

from torchferry.errors import ServerFault, UserError
from torchferry.serving.codec.table_rows import EITHER
from torchferry.serving.predict.sample import Sample

Answer = dict[str, Any]
"""{"label", "probability", "top_k"}, {"labels", "probabilities"} where there may be several, {"values"} of a
regression, or {"outputs"}: by name tensors in nested lists, or {"label", "score", "top_k"} of one that has labels. What
is asked for as a file has its bytes under `FILE`."""

FILE = "file"

NOTES = "notes"
"""What was assumed of samples that were asked about together, in the answer to the first of them."""

ITS_NAMES = "line 1 is the file's own, taken for the columns' names"

_LINE = re.compile(r"\bline (\d+): ")


@dataclass(frozen=True, slots=True)
class Unanswered:
    why: str
    fault: bool = False
    """Whether it is the server's or the model's, and not the sample's."""


Result = Answer | Unanswered


def refused(sample: Sample, why: str, fault: bool = False) -> Unanswered:
    """Without the line of the body that a row stood in: it was asked alone, and `Sample.row` counts in its file.

    Raises UserError where a file's first line may be one of names: the rows behind it might have another order.
    """
    if sample.form != "row" or not (line := _LINE.search(why)):
        return Unanswered(why, fault)
    if EITHER in why and sample.row == 1 and not sample.names:
        raise UserError(f"{sample.source}: {why}")
    if sample.names and line[1] == "1":
        return Unanswered(f"{why} ({ITS_NAMES})", fault)
    return Unanswered(why[: line.start()] + why[line.end() :], fault)


def asks_several(count: int) -> Unanswered:
    """Of a line that is a whole request."""
    return Unanswered(f"asks about {count} samples; give each of them a line of its own")


def each(content: Mapping[str, Any], samples: Sequence[Sample]) -> list[Result]:
    """An answer for each sample. Raises ServerFault for another number of them."""
    notes = content.get("notes", [])
    if "predictions" in content:
        answers = list(content["predictions"])
    elif isinstance(content.get("outputs"), list):
        answers = _tensors(content["outputs"], None if samples[0].form == "request" else len(samples))
    else:
        answers = [{key: value for key, value in content.items() if key not in ("model", "notes")}]
    if samples[0].form == "request" and len(answers) != 1:
        return [asks_several(len(answers))]
    if len(answers) != len(samples):
        hint = "; is its first line rightly taken?" if samples[0].form == "row" else ""
        raise ServerFault(f"{samples[0].place}: {len(samples)} samples from there on got {len(answers)} answers{hint}")
    if notes:
        answers[0] = {**answers[0], NOTES: notes}
    return answers


def _tensors(outputs: Sequence[Mapping[str, Any]], count: int | None) -> list[Answer]:
    """Each sample's share of the outputs; a request's are given as they are, its batch with them."""
    if count is None:
        return [{"outputs": {output["name"]: nested(output["data"], output["shape"]) for output in outputs}}]
    if any(output["shape"][:1] != [count] for output in outputs):
        raise ServerFault(f"{count} samples were answered with outputs of other batches")
    rows = {output["name"]: nested(output["data"], output["shape"]) for output in outputs}
    return [{"outputs": {name: values[place] for name, values in rows.items()}} for place in range(count)]


def nested(flat: Sequence[Any], shape: Sequence[int]) -> Any:
    """Lists in lists, as `shape` says."""
    if not shape:
        return flat[0]
    step = prod(shape[1:])
    if len(shape) == 1:
        return list(flat)
    return [nested(flat[step * place : step * (place + 1)], shape[1:]) for place in range(shape[0])]
