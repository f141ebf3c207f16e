"""A table's columns as servers tell them: in metadata, and as the JSON schema of a record."""

from collections.abc import Mapping
from typing import Any

from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec
from torchferry.errors import some

MOST_EXAMPLES = 20


def described(table: TableSpec) -> list[dict[str, Any]]:
    """Of each column its name and kind, what it may hold, and whether a cell may be missing."""
    return [
        {"name": column.column, "kind": column.kind, "missing": "taken" if table.may_miss(column) else "refused"}
        | ({"categories": list(column.categories)} if column.kind == "category" else {})
        | ({"format": column.form or "ISO 8601"} if column.kind == "date" else {})
        for column in table.columns
    ]


def record_schema(table: TableSpec, example: Mapping[str, Any] | None) -> dict[str, Any]:
    """JSON schema of a record."""
    return {
        "type": "object",
        "properties": {column.column: _cell(column, table.may_miss(column)) for column in table.columns},
        "required": [column.column for column in table.columns if not table.may_miss(column)],
        "minProperties": 1,
        "additionalProperties": False,
    } | ({"examples": [dict(example)]} if example else {})


def csv_example(example: Mapping[str, Any]) -> str:
    """A line of names and a row; a missing cell is empty."""
    cells = ("" if cell is None else str(cell) for cell in example.values())
    return "\n".join(",".join(map(_quoted, line)) for line in (example, cells)) + "\n"


def _cell(column: Encoder, may_miss: bool) -> dict[str, Any]:
    """What to send; servers also read numbers and truth values that are text, as a CSV's cells are."""
    said = _held(column)
    return said | {"type": [*said["type"], "null"]} if may_miss else said


def _held(column: Encoder) -> dict[str, Any]:
    if column.kind == "number":
        return {"type": ["number"]}
    if column.kind == "date":
        return {"type": ["string"], "description": f"a date as {column.form or 'ISO 8601'} says"}
    known = some(column.categories, MOST_EXAMPLES)
    return {
        "type": ["string", "number", "boolean"],
        "description": f"one of {known}; another one counts as none of them, which the answer's notes say",
        "examples": list(column.categories[:MOST_EXAMPLES]),
    }


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"' if set(cell) & set(',"\r\n;\t|') else cell
