"""Rows with missing cells are kept, left out or refused, as the recipe says."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

from torchferry.errors import UserError
from torchferry.training.data.tables.columns import Column
from torchferry.training.data.tables.gaps import Missing

TARGETS = "data.source.args.missing_targets: drop leaves such rows out"
WAYS = "data.source.args.missing: drop leaves such rows out, fill and indicator put a value in the gap"


def rows_kept(
    features: Sequence[Column],
    targets: Sequence[Column],
    missing: Missing,
    missing_targets: Literal["error", "drop"],
    name: str,
    place: Callable[[int], str],
) -> tuple[np.ndarray, list[str]]:
    """Their indices, int64, and what to say of the missing cells; raises UserError for one that is not allowed for."""
    if missing == "error":
        _refuse(features, f"fill or drop it: {WAYS}", name, place)
    if missing_targets == "error":
        _refuse(targets, f"a target is never filled: {TARGETS}", name, place)
    dropping = [*(features if missing == "drop" else ()), *targets]
    dropped = np.any([column.missing for column in dropping], axis=0)
    if dropped.all():
        raise UserError(f"{name}: every row has a missing value; data.source.args.missing: fill keeps them")
    counts = {column.name: int(column.missing.sum()) for column in (*features, *targets)}
    found = ", ".join(f"{count} in {column}" for column, count in counts.items() if count)
    notes = [f"missing values ({missing}): {found}"] if found else []
    if dropped.any():
        notes.append(f"{dropped.sum()} of {len(dropped)} rows are left out, because they have missing values")
    return np.flatnonzero(~dropped), notes


def _refuse(columns: Sequence[Column], todo: str, name: str, place: Callable[[int], str]) -> None:
    for column in columns:
        rows = np.flatnonzero(column.missing)
        if len(rows):
            more = f" ({len(rows)} cells are)" if len(rows) > 1 else ""
            raise UserError(f"{name}: column '{column.name}' is missing in {place(int(rows[0]))}{more}; {todo}")
