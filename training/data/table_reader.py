"""Readers of tables: each gives the same Table."""

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.table_loader import load

READERS = {".csv": pyarrow.csv.read_csv, ".parquet": pyarrow.parquet.read_table, ".pq": pyarrow.parquet.read_table}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Columns as they were found, not yet checked to be numbers."""

    name: str
    """For messages."""
    features: pa.Table
    targets: pa.Table
    classes: tuple[str, ...] | None = None
    """The classes' names, if a loader gives them."""


def read(path: str, target: Sequence[str], features: list[str] | None) -> Table:
    """A CSV or Parquet file, told by its suffix; a local path or any URL of fsspec."""
    suffix = next((suffix for suffix in READERS if path.partition("?")[0].endswith(suffix)), None)
    if suffix is None:
        raise UserError(f"data.source.args.path: '{path}' ends in none of {', '.join(READERS)}")
    try:
        with fsspec.open(path, "rb") as file:
            found = READERS[suffix](file)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file; data.source.args.path names the table") from error
    except Exception as error:  # every file system behind fsspec has errors of its own
        raise UserError(f"{path}: cannot be read as a {suffix} table: {one_line(error)}") from error
    return _selected(found, path, target, features)


def inline(columns: dict[str, list[Any]], target: Sequence[str], features: list[str] | None) -> Table:
    """Columns written in the recipe."""
    name = "data.source.args.columns"
    lengths = {column: len(values) for column, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(f"{name}: have different lengths: {', '.join(f'{k} {n}' for k, n in lengths.items())}")
    return _selected(
        pa.table({column: _array(values, column, name) for column, values in columns.items()}), name, target, features
    )


def loaded(loader: dict[str, Any], features: list[str] | None) -> Table:
    """What a function gives: (X, y), or a Bunch of scikit-learn, which may name its columns and classes."""
    found = load(loader)
    name = loader["name"]
    if isinstance(found, Mapping) and {"data", "target"} <= found.keys():
        inputs, targets, names = found["data"], found["target"], found.get("feature_names")
        target_names = found.get("target_names")
    elif isinstance(found, tuple) and len(found) == 2:
        (inputs, targets), names, target_names = found, None, None
    else:
        raise UserError(f"{name} gives {type(found).__name__}; (X, y) or a Bunch of scikit-learn is expected")
    columns = _columns(inputs, list(getattr(inputs, "columns", [])) or names, "x", name)
    outputs = _columns(targets, target_names, "target", name)
    if columns.num_rows != outputs.num_rows:
        raise UserError(f"{name} gives {columns.num_rows} rows of inputs and {outputs.num_rows} targets")
    if features is not None:
        columns = columns.select([_known(column, columns, "features") for column in features])
    classes = None if target_names is None else tuple(str(label) for label in target_names)
    return Table(name=name, features=_filled(columns, name), targets=outputs, classes=classes)


def _selected(found: pa.Table, name: str, target: Sequence[str], features: list[str] | None) -> Table:
    twice = [column for column, count in Counter(found.column_names).items() if count > 1]
    if twice:
        raise UserError(f"{name}: has column '{twice[0]}' more than once")
    targets = [_known(column, found, "target") for column in target]
    if features is None:
        chosen = [column for column in found.column_names if column not in targets]
    else:
        chosen = [_known(column, found, "features") for column in features]
    both = [column for column in chosen if column in targets]
    if both:
        raise UserError(f"data.source.args.features: '{both[0]}' is the target")
    return Table(name=name, features=_filled(found.select(chosen), name), targets=found.select(targets))


def _known(column: str, found: pa.Table, argument: str) -> str:
    names = list(map(str, found.column_names))
    if column in names:
        return column
    near = difflib.get_close_matches(column, names, n=1, cutoff=0)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise UserError(f"data.source.args.{argument}: there is no column '{column}'{hint}")


def _filled(features: pa.Table, name: str) -> pa.Table:
    if features.num_columns == 0:
        raise UserError(f"{name}: has no column but the target; a feature is needed")
    if features.num_rows == 0:
        raise UserError(f"{name}: has no rows")
    return features


def _columns(values: Any, names: Any, prefix: str, name: str) -> pa.Table:
    """A column each of an array [rows] or [rows, columns]; `names` are used if they are as many."""
    array = np.asarray(values)
    if array.ndim not in (1, 2) or (array.size and not np.isscalar(array.flat[0])):
        raise UserError(f"{name}: gives {prefix} of shape {list(array.shape)}; [rows] or [rows, columns] is expected")
    array = array.reshape(len(array), -1)
    count = array.shape[1]
    if names is None or len(names) != count:
        names = [prefix] if count == 1 else [f"{prefix}{index}" for index in range(count)]
    return pa.table({str(key): _array(array[:, index], str(key), name) for index, key in enumerate(names)})


def _array(values: Any, column: str, name: str) -> pa.Array:
    try:
        return pa.array(values)
    except (pa.ArrowException, TypeError) as error:
        numeric = [isinstance(value, int | float) for value in values]
        row = next((row for row, kind in enumerate(numeric) if kind != numeric[0]), 0)
        found = f"column '{column}' has {values[row]!r} in row {row + 1}"
        raise UserError(f"{name}: {found}; a column is of numbers, or of text for classes") from error
