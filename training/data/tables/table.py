"""Rows of a table: from a file, from columns in the recipe, or from a function that loads them."""

import hashlib
import re
from typing import Any, Literal

import numpy as np
import torch
from torch.utils.data import TensorDataset

from torchferry.contract.cells import CellText
from torchferry.contract.encoders import encode
from torchferry.contract.missing_words import WORDS
from torchferry.errors import UserError
from torchferry.training.data.arguments import checked
from torchferry.training.data.source import Input, Listing, Source, TableInput, TargetScale
from torchferry.training.data.tables.class_target import classes_of
from torchferry.training.data.tables.encoder_fit import fitted
from torchferry.training.data.tables.missing import Missing
from torchferry.training.data.tables.scaling import check_narrow, scaling
from torchferry.training.data.tables.table_notes import notes_of
from torchferry.training.data.tables.table_reader import Selection, Table, inline, loaded, read
from torchferry.training.data.tables.table_split import Split, check_classes, split_rows
from torchferry.training.data.tables.text_format import ARGUMENTS, TextFormat
from torchferry.training.data.tables.typed_rows import Asked, Rows, encoders_of, typed_rows

WAY = re.compile(r"number|category|date(:.+)?|ignore")


@checked
def table(
    path: str | None = None,
    columns: dict[str, list[Any]] | None = None,
    loader: dict[str, Any] | None = None,
    target: str | list[str] | None = None,
    features: list[str] | None = None,
    columns_as: dict[str, str] | None = None,
    task: Literal["regression", "classification"] = "regression",
    test_fraction: float = 0.2,
    split_seed: int = 42,
    split: Split = "hash",
    scale: bool = True,
    scale_target: bool | None = None,
    datatype: Literal["float64", "float32"] = "float64",
    missing: Missing = "error",
    missing_targets: Literal["error", "drop"] | None = None,
    missing_words: list[str] | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    thousands: str | None = None,
    comment: str | None = None,
    quote: str | None = None,
    header: list[str] | bool | None = None,
    encoding: str | None = None,
) -> Source:
    """Rows of a table: from a file, from columns in the recipe, or from a function; give one of the three.

    Numbers and truth values stay as they are, dates become seconds since 1970, text a column of 0 and 1 for each
    category. What is fitted, such as mean, std and categories, is fitted on the training rows.

    Args:
        path: A file of text with any delimiter, perhaps compressed, or Parquet, Feather or Arrow; local or a URL.
        columns: Columns by name, written in the recipe.
        loader: {name: import path, args: {...}} of a function that gives (X, y) or a Bunch of scikit-learn.
        target: The column to predict, or a list of columns; a loader gives its own.
        features: The columns to predict from; null takes all others.
        columns_as: What a column is where it is not clear: number, category, date, date:%d.%m.%Y, or ignore.
        task: The recipe's own; classification or regression.
        test_fraction: Share of the rows that is held out, 0 to below 1; with 0 the test set is the training set.
        split_seed: Decides which ones.
        split: hash (a row's side depends on what it holds alone) or shuffle (scikit-learn's train_test_split).
        scale: Lets the network see columns with mean 0 and deviation 1.
        scale_target: The same for regression targets, which the model scales back; null is what `scale` is.
        datatype: In which numbers reach the model, float64 or float32; the network takes float32 of what is scaled.
        missing: What a missing value does: error, drop the row, fill (median or most frequent category), or indicator
            (fill, and a column that says so).
        missing_targets: error or drop; null is drop where `missing` is.
        missing_words: Words for missing values; null takes those of pandas.
        delimiter: Of a file of text, as the rest; null finds it.
        decimal: The decimal sign.
        thousands: The sign between thousands.
        comment: What begins a line that is no row.
        quote: The quotation mark.
        header: Names of the columns where a file has none; or whether its first row has them.
        encoding: Such as utf-8 or latin-1.
    """
    asked = Asked(
        columns_as=_ways(columns_as or {}),
        task=task,
        test_fraction=test_fraction,
        split_seed=split_seed,
        split=split,
        scale=scale,
        scale_target=task == "regression" and (scale if scale_target is None else scale_target),
        datatype=datatype,
        missing=missing,
        missing_targets=missing_targets or ("drop" if missing == "drop" else "error"),
    )
    if not 0 <= test_fraction < 1:
        raise UserError(f"{ARGUMENTS}.test_fraction: {test_fraction} is not 0 or more and below 1")
    if not 0 <= split_seed < 2**32:
        raise UserError(f"{ARGUMENTS}.split_seed: {split_seed} is not between 0 and {2**32 - 1}")
    if scale_target and task != "regression":
        raise UserError(f"{ARGUMENTS}.scale_target: classes are not scaled; it is for task regression")
    form = TextFormat(delimiter, decimal, thousands, comment, quote, header, encoding)
    words = WORDS if missing_words is None else missing_words
    selection = Selection(features=features, columns_as=asked.columns_as, missing_words=words)
    return _source(_read(path, columns, loader, target, selection, form), asked, None)


def _source(table: Table, asked: Asked, given: TableInput | None) -> Source:
    """`given` is an input that was fitted before, and is then not fitted again."""
    rows = typed_rows(table, asked, given)
    datatype = asked.datatype if given is None else given.datatype
    targets, labels = _targets(rows, table.classes, asked.task, datatype)
    classes = targets if asked.task == "classification" else None
    train, test = split_rows(rows.keys, asked.test_fraction, asked.split_seed, asked.split, classes)
    notes = [*table.notes, *rows.notes, *(check_classes(classes, train, test, labels) if classes is not None else ())]
    encoders = fitted(rows.features, train, asked.missing, table.name) if given is None else encoders_of(given)
    names = tuple(name for each in encoders for name in each.names)
    inputs = _kept(encode(encoders, [column.values for column in rows.features]), datatype, names, rows)
    if given is None:
        mean, std = _scaling(inputs, train, names, rows, scale=asked.scale)
        plain = all(each.is_plain for each in encoders)
        given = TableInput(columns=names, mean=mean, std=std, datatype=datatype, encoders=() if plain else encoders)
    else:
        check_narrow(inputs, np.array(given.mean), np.array(given.std), names, rows.name, rows.place)
    return Source(
        targets="values" if classes is None else "classes",
        train=TensorDataset(torch.from_numpy(inputs[train]), torch.from_numpy(targets[train])),
        test=TensorDataset(torch.from_numpy(inputs[test]), torch.from_numpy(targets[test])),
        labels=labels,
        input=given,
        target_scale=_target_scale(targets, train, labels, rows) if asked.scale_target else None,
        keys=rows.keys[train],
        listings={"train": _listing(rows.keys[train]), "test": _listing(rows.keys[test])},
        refit=lambda before: _source(table, asked, _of_a_table(before, table.name)),
        cell_text=CellText(
            missing_words=table.missing_words, decimal=table.signs.decimal, thousands=table.signs.thousands
        ),
        target_columns=tuple(column.name for column in rows.targets),
        unread_columns=table.unread,
        notes=(*notes, *notes_of(rows.features, encoders)),
    )


def _targets(
    rows: Rows, classes: tuple[str, ...] | None, task: str, datatype: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """[rows, outputs] in `datatype` and their names, or int64 [rows] and the classes' names."""
    if task == "classification":
        return classes_of(rows.targets[0], classes, f"{rows.name}: column '{rows.targets[0].name}'")
    names = tuple(column.name for column in rows.targets)
    return _kept(np.stack([column.values for column in rows.targets], axis=1), datatype, names, rows), names


def _target_scale(targets: np.ndarray, train: np.ndarray, names: tuple[str, ...], rows: Rows) -> TargetScale:
    mean, std = _scaling(targets, train, names, rows, scale=True)
    return TargetScale(mean=mean, std=std)


def _scaling(
    values: np.ndarray, train: np.ndarray, names: tuple[str, ...], rows: Rows, *, scale: bool
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column in the training rows, or 0 and 1 of columns that stay as they are."""
    mean, std = scaling(values[train]) if scale else (np.zeros(len(names)), np.ones(len(names)))
    check_narrow(values, mean, std, names, rows.name, rows.place)
    return tuple(mean.tolist()), tuple(std.tolist())


def _kept(values: np.ndarray, datatype: str, names: tuple[str, ...], rows: Rows) -> np.ndarray:
    """float64 [rows, columns] in `datatype`; raises UserError for a number that is beyond it."""
    with np.errstate(over="ignore"):
        kept = values.astype(datatype)
    for row, column in np.argwhere(~np.isfinite(kept))[:1]:
        found = f"{rows.name}: column '{names[column]}' is {values[row, column]} in {rows.place(row)}"
        raise UserError(f"{found}; every cell must be a finite {datatype}")
    return kept


def _listing(keys: np.ndarray) -> Listing:
    return Listing(samples=len(keys), sha256=hashlib.sha256(keys.astype("<u8").tobytes()).hexdigest())


def _of_a_table(before: Input, name: str) -> TableInput:
    if not isinstance(before, TableInput):
        raise UserError(f"{name}: the model was trained on a {type(before).__name__}, and this is a table")
    return before


def _read(
    path: str | None,
    columns: dict[str, list[Any]] | None,
    loader: dict[str, Any] | None,
    target: str | list[str] | None,
    selection: Selection,
    form: TextFormat,
) -> Table:
    given = [name for name, value in (("path", path), ("columns", columns), ("loader", loader)) if value is not None]
    if len(given) != 1:
        raise UserError(f"{ARGUMENTS}: give one of path, columns and loader, not {' and '.join(given) or 'none'}")
    if path is None:
        form.refuse("files of text, and there is no path")
    if loader is not None:
        if target is not None:
            raise UserError(f"{ARGUMENTS}.target: is for path and columns; a loader gives its own targets")
        return loaded(loader, selection)
    if target is None or target == []:
        raise UserError(f"{ARGUMENTS}.target: is missing; name the column to predict, or a list of columns")
    targets = [target] if isinstance(target, str) else target
    return read(path, form, targets, selection) if path is not None else inline(columns or {}, targets, selection)


def _ways(columns_as: dict[str, str]) -> dict[str, str]:
    for column, way in columns_as.items():
        if not WAY.fullmatch(way):
            words = "number, category, date, date:%d.%m.%Y or ignore"
            raise UserError(f"{ARGUMENTS}.columns_as.{column}: '{way}' is none of {words}")
    return columns_as
