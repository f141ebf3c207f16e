"""Rows of a table: from a CSV or Parquet file, from columns in the recipe, or from a function that loads them."""

from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch.utils.data import Dataset, TensorDataset

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.arguments import checked
from torchferry.training.data.columns import classes_of, numbers
from torchferry.training.data.scaling import check_narrow, scaling
from torchferry.training.data.source import Input, Source, TableInput, TargetScale
from torchferry.training.data.table_reader import Table, inline, loaded, read


@checked
def table(
    path: str | None = None,
    columns: dict[str, list[Any]] | None = None,
    loader: dict[str, Any] | None = None,
    target: str | list[str] | None = None,
    features: list[str] | None = None,
    task: Literal["regression", "classification"] = "regression",
    test_fraction: float = 0.2,
    split_seed: int = 42,
    scale: bool = True,
    scale_target: bool | None = None,
    datatype: Literal["float64", "float32"] = "float64",
) -> Source:
    """Exactly one of `path`, `columns` and `loader`, as table_reader.py says; `features` are all other columns.

    Inputs are [columns] in `datatype`, and so are regression targets [outputs], whose labels are the target columns'
    names; a classification target is int64 [], labels the sorted values of its column. The split is
    scikit-learn's train_test_split, by class for classification; with `test_fraction` 0 the test set is
    the training set. `scale` takes mean and std from the training rows, `scale_target` of regression targets as well,
    and is what `scale` is if it is not given. Scaled columns keep their digits if they are scaled in float64; the
    network takes float32.
    """
    if not 0 <= test_fraction < 1:
        raise UserError(f"data.source.args.test_fraction: {test_fraction} is not 0 or more and below 1")
    if not 0 <= split_seed < 2**32:
        raise UserError(f"data.source.args.split_seed: {split_seed} is not between 0 and {2**32 - 1}")
    if scale_target and task != "regression":
        raise UserError("data.source.args.scale_target: classes are not scaled; it is for task regression")
    rows = _read(path, columns, loader, target, features)
    inputs = numbers(rows.features, rows.name, datatype)
    targets, labels, strata = _targets(rows, task, datatype)
    train, test = _split(len(inputs), test_fraction, split_seed, strata)
    names = tuple(rows.features.column_names)
    mean, std = _scaling(inputs, train, names, rows.name, scale=scale)
    target_scale = None
    if task == "regression":
        scales = scale if scale_target is None else scale_target
        target_mean, target_std = _scaling(targets, train, labels, rows.name, scale=scales)
        target_scale = TargetScale(mean=target_mean, std=target_std) if scales else None
    source = Source(
        targets="values" if task == "regression" else "classes",
        train=TensorDataset(torch.from_numpy(inputs[train]), torch.from_numpy(targets[train])),
        test=TensorDataset(torch.from_numpy(inputs[test]), torch.from_numpy(targets[test])),
        labels=labels,
        input=TableInput(columns=names, mean=mean, std=std, datatype=datatype),
        target_scale=target_scale,
    )
    return replace(source, refit=partial(_refitted, source))


def _read(
    path: str | None,
    columns: dict[str, list[Any]] | None,
    loader: dict[str, Any] | None,
    target: str | list[str] | None,
    features: list[str] | None,
) -> Table:
    given = [name for name, value in (("path", path), ("columns", columns), ("loader", loader)) if value is not None]
    if len(given) != 1:
        raise UserError(f"data.source.args: give one of path, columns and loader, not {' and '.join(given) or 'none'}")
    if loader is not None:
        if target is not None:
            raise UserError("data.source.args.target: is for path and columns; a loader gives its own targets")
        return loaded(loader, features)
    if target is None or target == []:
        raise UserError("data.source.args.target: is missing; name the column to predict, or a list of columns")
    targets = [target] if isinstance(target, str) else target
    return read(path, targets, features) if path is not None else inline(columns or {}, targets, features)


def _targets(rows: Table, task: str, datatype: str) -> tuple[np.ndarray, tuple[str, ...], np.ndarray | None]:
    """Targets, labels, and what to stratify by."""
    if task == "regression":
        return numbers(rows.targets, rows.name, datatype), tuple(rows.targets.column_names), None
    indices, labels = classes_of(rows.targets, rows.classes, rows.name)
    return indices, labels, indices


def _split(rows: int, fraction: float, seed: int, strata: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    if fraction == 0:
        return np.arange(rows), np.arange(rows)
    try:
        train, test = train_test_split(np.arange(rows), test_size=fraction, random_state=seed, stratify=strata)
    except ValueError as error:
        what = f"data.source.args.test_fraction: {rows} rows cannot be split at {fraction}"
        raise UserError(f"{what}: {one_line(error)}") from error
    return train, test


def _scaling(
    values: np.ndarray, train: np.ndarray, columns: tuple[str, ...], name: str, *, scale: bool
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column in the training rows, or 0 and 1 of columns that stay as they are."""
    count = values.shape[1]
    mean, std = scaling(values[train]) if scale else (np.zeros(count), np.ones(count))
    check_narrow(values, mean, std, columns, name)
    return tuple(mean.tolist()), tuple(std.tolist())


def _refitted(source: Source, input: Input) -> Source:
    """The same rows in the datatype that `input` says. Raises UserError for the input of other columns."""
    assert isinstance(input, TableInput)
    assert isinstance(source.input, TableInput)
    if input.columns != source.input.columns:
        ours, theirs = (", ".join(each.columns) for each in (source.input, input))
        raise UserError(f"data.source: has columns {ours}; the model was trained with {theirs}")
    train, test = (_narrowed(data, getattr(torch, input.datatype)) for data in (source.train, source.test))
    return replace(source, input=input, train=train, test=test)


def _narrowed(data: Dataset, datatype: torch.dtype) -> TensorDataset:
    """Classes stay whole numbers."""
    assert isinstance(data, TensorDataset)
    return TensorDataset(*(part.to(datatype) if part.is_floating_point() else part for part in data.tensors))
