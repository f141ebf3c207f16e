"""Targets of texts: a class, or 0 or 1 for each of several labels."""

import json
from collections.abc import Sequence
from typing import Any

import torch

from torchferry.contract.missing_words import WORDS
from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean
from torchferry.training.data.texts.text_rows import ARGS, TextRows

TRUE, FALSE = ("1", "true", "yes"), ("0", "false", "no", "")


def class_targets(rows: TextRows, given: Sequence[str] | None) -> tuple[torch.Tensor, tuple[str, ...]]:
    """int64 [rows], and the classes: those given, or those of the rows in order. Raises UserError."""
    said = [_class(rows, row, given) for row in range(len(rows))]
    labels = _labels(said, given)
    numbers = {label: number for number, label in enumerate(labels)}
    for row, label in enumerate(said):
        if label not in numbers:
            _refuse(rows, row, label, labels)
    return torch.tensor([numbers[label] for label in said], dtype=torch.int64), labels


def label_targets(
    rows: TextRows, given: Sequence[str] | None, target: str | list[str] | None, separator: str
) -> tuple[torch.Tensor, tuple[str, ...]]:
    """uint8 [rows, labels], and the labels: of a column with a list in each row, or of a column for each label."""
    if isinstance(target, list):
        if given is not None:
            raise UserError(f"{ARGS}.labels: the columns in target are the labels already; leave it out")
        marked = [[_truth(rows, row, cell) for cell in rows.said[row]] for row in range(len(rows))]
        return torch.tensor(marked, dtype=torch.uint8).view(len(rows), len(target)), tuple(target)
    said = [_several(rows, row, separator) for row in range(len(rows))]
    labels = _labels([label for each in said for label in each], given)
    numbers = {label: number for number, label in enumerate(labels)}
    targets = torch.zeros(len(rows), len(labels), dtype=torch.uint8)
    for row, each in enumerate(said):
        for label in each:
            if label not in numbers:
                _refuse(rows, row, label, labels)
            targets[row, numbers[label]] = 1
    return targets, labels


def _labels(said: Sequence[str], given: Sequence[str] | None) -> tuple[str, ...]:
    if given is not None:
        if len(set(given)) != len(given):
            raise UserError(f"{ARGS}.labels: {list(given)} name one twice")
        return tuple(given)
    found = set(said)
    return tuple(sorted(found, key=int if all(label.isascii() and label.isdecimal() for label in found) else None))


def _class(rows: TextRows, row: int, given: Sequence[str] | None) -> str:
    label = _word(rows.said[row])
    if label is None or ((label in ("", *WORDS)) and label not in (given or ())):
        way = f"; a class of that name has to be in {ARGS}.labels" if label else ""
        raise UserError(f"{rows.where(row)}: has no label ({json.dumps(rows.said[row], default=str):.40}){way}")
    return label


def _several(rows: TextRows, row: int, separator: str) -> list[str]:
    """A list as it is, and text as names between separators; nothing is no label."""
    cell = rows.said[row]
    if isinstance(cell, list | tuple):
        words = [_word(each) for each in cell]
        if None not in words:
            return [word for word in words if word]
    elif cell is None or isinstance(cell, str):
        return [each.strip() for each in (cell or "").split(separator) if each.strip()]
    found = f"{json.dumps(cell, default=str):.40}"
    raise UserError(f"{rows.where(row)}: {found} are no labels; a list of names, or names with '{separator}' between")


def _truth(rows: TextRows, row: int, cell: Any) -> bool:
    word = "" if cell is None else str(cell).strip().lower().removesuffix(".0")
    if word not in (*TRUE, *FALSE):
        raise UserError(f"{rows.where(row)}: '{cell}' is neither 0 nor 1, which a column of a label has")
    return word in TRUE


def _word(cell: Any) -> str | None:
    """Of text, a whole number or a truth value; None of what cannot name a class."""
    if isinstance(cell, bool | int) or (isinstance(cell, float) and cell.is_integer()):
        return str(cell).lower() if isinstance(cell, bool) else str(int(cell))
    return cell.strip() if isinstance(cell, str) else None


def _refuse(rows: TextRows, row: int, label: str, labels: Sequence[str]) -> None:
    meant = did_you_mean(label, labels)
    raise UserError(f"{rows.where(row)}: '{label:.40}' is none of the labels {some(labels)}{meant}")
