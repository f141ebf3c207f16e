"""Splits a table's rows into those for training and those for the test."""

from typing import Literal

import numpy as np
from sklearn.model_selection import train_test_split

from torchferry.errors import UserError, some
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.membership import held_out
from torchferry.training.data.tables.text_format import ARGUMENTS

Split = Literal["hash", "shuffle"]
CHANGE = f"change {ARGUMENTS}.test_fraction or split_seed, or say split: shuffle"


def split_rows(
    keys: np.ndarray, fraction: float, seed: int, how: Split, classes: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the training and of the test rows, int64; with a fraction of 0 both are all rows.

    hash goes by each row's key, uint64 [rows], so that equal rows are on one side and no row changes sides when others
    are added. shuffle is scikit-learn's train_test_split, by class where there are `classes`, int64 [rows].
    Raises UserError for a side without rows, and for a class without a training row.
    """
    if fraction == 0:
        return np.arange(len(keys)), np.arange(len(keys))
    if how == "shuffle":
        return _shuffled(len(keys), fraction, seed, classes)
    test = held_out(keys, fraction, seed)
    if not test.any() or test.all():
        side = "training" if test.all() else "test"
        raise UserError(f"{ARGUMENTS}.test_fraction: none of {len(keys)} rows is in the {side} set; {CHANGE}")
    return np.flatnonzero(~test), np.flatnonzero(test)


def check_classes(classes: np.ndarray, train: np.ndarray, test: np.ndarray, labels: tuple[str, ...]) -> list[str]:
    """What to say of classes without a test row; raises UserError for one without a training row."""
    there, tested = np.unique(classes[train]), np.unique(classes[test])
    present = np.unique(classes)
    if len(untrained := np.setdiff1d(present, there)):
        named = _some(labels, untrained)
        raise UserError(f"{ARGUMENTS}.test_fraction: no training row is of class {named}; {CHANGE}")
    untested = np.setdiff1d(present, tested)
    return [f"no test row is of class {_some(labels, untested)}"] if len(untested) else []


def _shuffled(rows: int, fraction: float, seed: int, strata: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    try:
        train, test = train_test_split(np.arange(rows), test_size=fraction, random_state=seed, stratify=strata)
    except ValueError as error:
        what = f"{ARGUMENTS}.test_fraction: {rows} rows cannot be split at {fraction}"
        raise UserError(f"{what}: {one_line(error)}") from error
    return train, test


def _some(labels: tuple[str, ...], indices: np.ndarray) -> str:
    return some([f"'{labels[index]}'" for index in indices], 3)
