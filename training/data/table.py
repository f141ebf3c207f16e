"""Rows of a table: from a CSV or Parquet file, from columns in the recipe, or from a function that loads them."""

from typing import Any, Literal

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch.utils.data import TensorDataset

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.arguments import checked
from torchferry.training.data.columns import classes_of, numbers
from torchferry.training.data.source import Source, TableInput
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
) -> Source:
    """Exactly one of `path`, `columns` and `loader`, as table_reader.py says; `features` are all other columns.

    Inputs are float32 [columns]. Regression targets are float32 [outputs], labels the target columns'
    names; a classification target is int64 [], labels the sorted values of its column. The split is
    scikit-learn's train_test_split, by class for classification; with `test_fraction` 0 the test set is
    the training set. `scale` takes mean and std from the training rows.
    """
    if not 0 <= test_fraction < 1:
        raise UserError(f"data.source.args.test_fraction: {test_fraction} is not 0 or more and below 1")
    if not 0 <= split_seed < 2**32:
        raise UserError(f"data.source.args.split_seed: {split_seed} is not between 0 and {2**32 - 1}")
    rows = _read(path, columns, loader, target, features)
    inputs = numbers(rows.features, rows.name)
    targets, labels, strata = _targets(rows, task)
    train, test = _split(len(inputs), test_fraction, split_seed, strata)
    mean, std = np.zeros(inputs.shape[1]), np.ones(inputs.shape[1])
    if scale:
        mean = inputs[train].mean(axis=0, dtype=np.float64)
        spread = inputs[train].std(axis=0, dtype=np.float64)
        std = np.where(spread == 0, 1, spread)  # a constant column
    return Source(
        targets="values" if task == "regression" else "classes",
        train=TensorDataset(torch.from_numpy(inputs[train]), torch.from_numpy(targets[train])),
        test=TensorDataset(torch.from_numpy(inputs[test]), torch.from_numpy(targets[test])),
        labels=labels,
        input=TableInput(columns=tuple(rows.features.column_names), mean=tuple(mean.tolist()), std=tuple(std.tolist())),
    )


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


def _targets(rows: Table, task: str) -> tuple[np.ndarray, tuple[str, ...], np.ndarray | None]:
    """Targets, labels, and what to stratify by."""
    if task == "regression":
        return numbers(rows.targets, rows.name), tuple(rows.targets.column_names), None
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
