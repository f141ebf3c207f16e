"""Rows with gaps are refused, dropped or kept, as the recipe says, and counted."""

import numpy as np
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.tables.columns import Column
from torchferry.training.data.tables.gaps import Missing
from torchferry.training.data.tables.kept_rows import rows_kept

FEATURES = [
    Column(name="a", kind="number", values=np.array([1, np.nan, 3, np.nan])),
    Column(name="k", kind="category", values=np.array(["u", "v", None, "u"], object)),
]
WHOLE = Column(name="y", kind="number", values=np.arange(4.0))
GAPS = Column(name="y", kind="category", values=np.array([None, "p", "q", "p"], object))


def kept(missing: Missing, missing_targets: str, target: Column) -> tuple[list[int], list[str]]:
    rows, notes = rows_kept(FEATURES, [target], missing, missing_targets, "t", lambda row: f"line {row + 2}")  # type: ignore[arg-type]
    return rows.tolist(), notes


def test_rows_are_dropped_and_counted() -> None:
    notes = ["missing values (drop): 2 in a, 1 in k", "3 of 4 rows are left out, because they have missing values"]
    assert kept("drop", "drop", WHOLE) == ([0], notes)


@pytest.mark.parametrize("missing", ["fill", "indicator"])
def test_what_is_filled_stays_but_a_target_is_not_filled(missing: Missing) -> None:
    assert kept(missing, "error", WHOLE) == ([0, 1, 2, 3], [f"missing values ({missing}): 2 in a, 1 in k"])
    assert kept(missing, "drop", GAPS)[0] == [1, 2, 3]
    words = "t: column 'y' is missing in line 2; a target is never filled: data.source.args.missing_targets: drop"
    assert refusal(lambda: kept(missing, "error", GAPS)).startswith(words)


def test_a_gap_that_nothing_is_said_of_is_refused() -> None:
    words = "t: column 'a' is missing in line 3 (2 cells are); fill or drop it: data.source.args.missing: drop leaves"
    assert refusal(lambda: kept("error", "error", WHOLE)).startswith(words)


def test_some_row_has_to_stay() -> None:
    assert refusal(lambda: kept("drop", "drop", GAPS)).startswith("t: every row has a missing value")


def test_nothing_is_said_of_a_table_without_gaps() -> None:
    rows, notes = rows_kept([WHOLE], [WHOLE], "error", "error", "t", str)
    assert (rows.tolist(), notes) == ([0, 1, 2, 3], [])
