"""Rows of a table: from a file, from columns in the recipe, or from a function that loads them."""

import hashlib
from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from torchferry.contract.cells import CellText
from torchferry.contract.encoders import encode
from torchferry.contract.missing_words import WORDS
from torchferry.errors import UserError
from torchferry.training.data.arguments import checked, takes_arguments_of
from torchferry.training.data.source import Input, Listing, Source, TableInput, TargetScale
from torchferry.training.data.tables.class_target import classes_of
from torchferry.training.data.tables.encoder_fit import fitted
from torchferry.training.data.tables.row_options import RowOptions
from torchferry.training.data.tables.scaling import check_narrow, scaling
from torchferry.training.data.tables.table_notes import notes_of
from torchferry.training.data.tables.table_reader import Selection, Table, inline, loaded, read
from torchferry.training.data.tables.table_split import check_classes, split_rows
from torchferry.training.data.tables.text_format import ARGUMENTS, TextFormat
from torchferry.training.data.tables.typed_rows import Rows, encoders_of, typed_rows


@checked
@takes_arguments_of(options=RowOptions, form=TextFormat)
def table(
    path: str | None = None,
    columns: dict[str, list[Any]] | None = None,
    loader: dict[str, Any] | None = None,
    target: str | list[str] | None = None,
    features: list[str] | None = None,
    *,
    options: RowOptions,
    missing_words: list[str] | None = None,
    form: TextFormat,
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
        missing_words: Words for missing values; null takes those of pandas.
    """
    words = WORDS if missing_words is None else missing_words
    selection = Selection(features=features, columns_as=options.columns_as or {}, missing_words=words)
    return _source(_read(path, columns, loader, target, selection, form), options, None)


def _source(table: Table, options: RowOptions, given: TableInput | None) -> Source:
    """`given` is an input that was fitted before, and is then not fitted again."""
    rows = typed_rows(table, options, given)
    datatype = options.datatype if given is None else given.datatype
    targets, labels = _targets(rows, table.classes, options.targets, datatype)
    classes = targets if options.targets == "classes" else None
    train, test = split_rows(rows.keys, options.test_fraction, options.split_seed, options.split, classes)
    notes = [*table.notes, *rows.notes, *(check_classes(classes, train, test, labels) if classes is not None else ())]
    encoders = fitted(rows.features, train, options.missing, table.name) if given is None else encoders_of(given)
    names = tuple(name for each in encoders for name in each.names)
    inputs = _kept(encode(encoders, [column.values for column in rows.features]), datatype, names, rows)
    if given is None:
        mean, std = _scaling(inputs, train, names, rows, scale=options.scale)
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
        target_scale=_target_scale(targets, train, labels, rows) if options.scales_target else None,
        keys=rows.keys[train],
        listings={"train": _listing(rows.keys[train]), "test": _listing(rows.keys[test])},
        refit=lambda before: _source(table, options, _of_a_table(before, table.name)),
        cell_text=CellText(
            missing_words=table.missing_words, decimal=table.signs.decimal, thousands=table.signs.thousands
        ),
        target_columns=tuple(column.name for column in rows.targets),
        unread_columns=table.unread,
        notes=(*notes, *notes_of(rows.features, encoders)),
    )


def _targets(
    rows: Rows, classes: tuple[str, ...] | None, kind: str, datatype: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """[rows, outputs] in `datatype` and their names, or int64 [rows] and the classes' names."""
    if kind == "classes":
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
