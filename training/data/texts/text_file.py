"""Texts in one file: a table of text such as CSV, Parquet or Arrow, JSON lines, or a JSON list of objects."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import fsspec

from torchferry.errors import UserError, some
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.tables.table_file import read_file
from torchferry.training.data.tables.text_encoding import decoded, uncompressed
from torchferry.training.data.tables.text_format import TextFormat
from torchferry.training.data.texts.text_columns import TextColumns
from torchferry.training.data.texts.text_rows import ARGS, TextRows

JSON = re.compile(r"\.(jsonl|ndjson|json)(\.(gz|bz2|xz|zst|lz4|zip))?$", re.IGNORECASE)


@dataclass(frozen=True)
class Fields:
    """A file's columns, by their names."""

    names: Sequence[str]
    values: Callable[[str], list[Any]]
    place: Callable[[int], str]
    """Where a row stands: 'line 7'."""
    notes: tuple[str, ...] = ()


def rows_of_file(path: str, columns: TextColumns, form: TextFormat, train: str, test: str) -> TextRows:
    """A local path or any URL of fsspec; `train` and `test` are what a column of splits says. Raises UserError."""
    if is_json := JSON.search(re.sub(r"[?#].*", "", path)):
        form.refuse(f"files of text; {path} is JSON")
    fields = _of_json(path) if is_json else _of_table(path, columns, form)
    text, targets, split = columns.found(path, fields.names)
    said = [fields.values(name) for name in targets]
    rows = TextRows(
        name=path,
        texts=fields.values(text),
        said=list(zip(*said, strict=True)) if isinstance(columns.target, list) else said[0],
        where=lambda row: f"{path}: {fields.place(row)}",
        notes=tuple(f"{path}: {note}" for note in fields.notes),
    )
    return rows if split is None else _divided(rows, fields.values(split), train, test)


def _of_table(path: str, columns: TextColumns, form: TextFormat) -> Fields:
    targets = columns.target if isinstance(columns.target, list) else [columns.target]
    wanted = [name for name in (columns.text, columns.split, *targets) if name is not None]
    cells = read_file(path, form, wanted)

    def values(name: str) -> list[Any]:
        return cells.cells[cells.columns.index(name)].to_pylist()

    return Fields(cells.columns, values, cells.place, cells.notes)


def _of_json(path: str) -> Fields:
    try:
        with fsspec.open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; {ARGS}.path names the texts") from error
    except Exception as error:  # every file system behind fsspec has errors of its own
        raise UserError(f"{path}: cannot be read: {one_line(error)}") from error
    text = decoded(uncompressed(data, path), None, path)
    places, objects = _listed(text, path) if text.lstrip().startswith("[") else _lines(text, path)
    for place, each in zip(places, objects, strict=True):
        if not isinstance(each, dict):
            said = f'{json.dumps(each):.40} is no object such as {{"text": ..., "label": ...}}'
            raise UserError(f"{path}: {place}: {said}")
    names = list(dict.fromkeys(name for each in objects for name in each))
    return Fields(names, lambda name: [each.get(name) for each in objects], lambda row: places[row])


def _lines(text: str, path: str) -> tuple[list[str], list[Any]]:
    """Places and values. Not splitlines(): JSON takes other line ends than \\n as they are."""
    places, found = [], []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            places.append(f"line {number}")
            found.append(_parsed(line, f"{path}: line {number}"))
    return places, found


def _listed(text: str, path: str) -> tuple[list[str], list[Any]]:
    found = _parsed(text, path)
    return [f"object {number}" for number in range(1, len(found) + 1)], found


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: is no JSON: {one_line(error)}") from error


def _divided(rows: TextRows, splits: list[Any], train: str, test: str) -> TextRows:
    """By their splits, without those of neither, which a line tells."""
    counts = Counter(map(str, splits))
    for argument, split in (("train", train), ("test", test)):
        if not counts[split]:
            there = some([f"'{name}'" for name in counts])
            raise UserError(f"{rows.name}: no row has split '{split}'; it has {there}; {ARGS}.{argument} names one")
    others = ", ".join(f"{count:,} of split '{name}'" for name, count in counts.items() if name not in (train, test))
    divided = replace(
        rows,
        tested=[str(split) == test for split in splits],
        notes=(*rows.notes, *([f"{rows.name}: left out {others}"] if others else [])),
    )
    return divided.taken([row for row, split in enumerate(splits) if str(split) in (train, test)])
