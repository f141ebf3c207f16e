"""The rows of a table that a run uses: each column with its kind, and a key for each row."""

import dataclasses
from collections.abc import Callable

import numpy as np

from torchferry.contract.encoders import Encoder
from torchferry.errors import UserError
from torchferry.training.data.source import TableInput
from torchferry.training.data.tables.class_target import class_column
from torchferry.training.data.tables.columns import Column, features_of, values_of
from torchferry.training.data.tables.kept_rows import rows_kept
from torchferry.training.data.tables.row_keys import row_keys
from torchferry.training.data.tables.row_options import RowOptions
from torchferry.training.data.tables.table_reader import Table


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rows:
    name: str
    features: list[Column]
    targets: list[Column]
    keys: np.ndarray
    """uint64 [rows], of features and targets together."""
    place: Callable[[int], str]
    """Where a row is found in the file."""
    notes: list[str]


def typed_rows(table: Table, options: RowOptions, given: TableInput | None) -> Rows:
    """Without the rows that the recipe has left out. `given` says what each column is, if a model knows it already."""
    ways = options.columns_as or {}
    if given is not None:
        table, ways = _as_before(table, encoders_of(given))
    features = features_of(table, ways)
    targets = [class_column(table)] if options.targets == "classes" else values_of(table)
    kept, notes = rows_kept(features, targets, options.missing, options.for_missing_targets, table.name, table.place)
    features, targets = ([_taken(column, kept) for column in columns] for columns in (features, targets))
    return Rows(
        name=table.name,
        features=features,
        targets=targets,
        keys=row_keys([*features, *targets]),
        place=lambda row: table.place(int(kept[row])),
        notes=notes,
    )


def encoders_of(given: TableInput) -> tuple[Encoder, ...]:
    """Also those that change nothing, which an input does not keep."""
    return given.encoders or tuple(Encoder(column=column) for column in given.columns)


def _as_before(table: Table, encoders: tuple[Encoder, ...]) -> tuple[Table, dict[str, str]]:
    """The columns in the encoders' order, and what they are; raises UserError where there are others."""
    before, now = [encoder.column for encoder in encoders], table.features.column_names
    if sorted(before) != sorted(now):
        gone, new = (", ".join(sorted({*one} - {*other})) for one, other in ((before, now), (now, before)))
        differ = " and ".join(words for words in (gone and f"lacks {gone}", new and f"has {new} as well") if words)
        raise UserError(f"{table.name}: does not have the columns that the model was trained on: it {differ}")
    ways = {each.column: f"date:{each.form}" if each.form else str(each.kind) for each in encoders}
    return dataclasses.replace(table, features=table.features.select(before)), ways


def _taken(column: Column, rows: np.ndarray) -> Column:
    return dataclasses.replace(column, values=column.values[rows])
