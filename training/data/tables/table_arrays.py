"""Columns from lists and arrays: those in a recipe, and what a function gives."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from torchferry.errors import UserError

EXPECTED = "[rows] or [rows, columns] is expected"


def listed(columns: Mapping[str, list[Any]], name: str) -> dict[str, pa.ChunkedArray]:
    """Of lists that stand in the recipe. Raises UserError for other lengths and for cells of several kinds."""
    lengths = {column: len(values) for column, values in columns.items()}
    if len(set(lengths.values())) > 1:
        raise UserError(f"{name}: have different lengths: {', '.join(f'{k} {n}' for k, n in lengths.items())}")
    return {column: _array(values, column, name) for column, values in columns.items()}


def of_array(values: Any, names: Sequence[Any] | None, prefix: str, name: str) -> dict[str, pa.ChunkedArray]:
    """A column each of an array [rows] or [rows, columns], or of a data frame; `names` are used if they are as many."""
    if hasattr(values, "columns"):
        names = list(values.columns)
        _check_names(names, name)
        return {str(key): _array(np.asarray(values[key]), str(key), name) for key in names}
    array = _regular(values, prefix, name)
    count = array.shape[1]
    if names is None or len(names) != count:
        names = [prefix] if count == 1 else [f"{prefix}{index}" for index in range(count)]
    _check_names(names, name)
    return {str(key): _array(array[:, index], str(key), name) for index, key in enumerate(names)}


def _regular(values: Any, prefix: str, name: str) -> np.ndarray:
    """[rows, columns]"""
    try:
        array = np.asarray(values)
    except ValueError as error:  # numpy's, for rows of several lengths
        raise UserError(f"{name}: gives {prefix} with rows of several lengths; {EXPECTED}") from error
    except Exception as error:  # a tensor on another device, somebody's __array__
        raise UserError(f"{name}: gives {prefix} as a {type(values).__name__}, which is no array") from error
    if array.ndim not in (1, 2) or (array.size and not np.isscalar(array.flat[0]) and array.flat[0] is not None):
        raise UserError(f"{name}: gives {prefix} of shape {list(array.shape)}; {EXPECTED}")
    if array.size == 0:
        raise UserError(f"{name}: gives {prefix} of shape {list(array.shape)}, without any value")
    return array.reshape(len(array), -1)


def _check_names(names: Sequence[Any], name: str) -> None:
    twice = [column for column, count in Counter(map(str, names)).items() if count > 1]
    if twice:
        raise UserError(f"{name}: names column '{twice[0]}' more than once")


def _array(values: Any, column: str, name: str) -> pa.ChunkedArray:
    try:
        if isinstance(values, np.ndarray) and values.dtype.kind == "S":
            values = np.char.decode(values)  # UnicodeDecodeError is a ValueError
        return pa.chunked_array([pa.array(values)])
    except OverflowError as error:
        row, value = next((row, value) for row, value in enumerate(values) if abs(value) >= 2**63)
        raise UserError(f"{name}: column '{column}' has {value} in row {row + 1}, which is beyond 64 bits") from error
    except (pa.ArrowException, TypeError, ValueError) as error:
        kinds = [_kind(value) for value in values]
        first = next((kind for kind in kinds if kind != "missing"), kinds[0])
        row = next((row for row, kind in enumerate(kinds) if kind not in (first, "missing")), 0)
        cell = values[row].item() if isinstance(values[row], np.generic) else values[row]
        found = f"column '{column}' has {cell!r} in row {row + 1}"
        raise UserError(f"{name}: {found}; a column is of numbers, or of text for classes") from error


def _kind(value: Any) -> str:
    if value is None or value != value:
        return "missing"
    if isinstance(value, bool | np.bool_):
        return "truth"
    return "number" if isinstance(value, int | float | np.integer | np.floating) else type(value).__name__
