"""Options for a table's rows are in range, and those that are left out follow from the rest."""

from typing import Any

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.tables.row_options import RowOptions


@pytest.mark.parametrize("fraction", [0, 0.999])
def test_a_share_may_be_all_but_the_whole(fraction: float) -> None:
    assert RowOptions(test_fraction=fraction, split_seed=2**32 - 1).test_fraction == fraction


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"test_fraction": 1}, "test_fraction: 1 is not 0 or more and below 1"),
        ({"test_fraction": -0.1}, "test_fraction: -0.1 is not 0 or more and below 1"),
        ({"split_seed": -1}, "split_seed: -1 is not between 0 and 4294967295"),
        ({"split_seed": 2**32}, "split_seed: 4294967296 is not between 0 and 4294967295"),
        (
            {"columns_as": {"a": "date", "b": "dates"}},
            "columns_as.b: 'dates' is none of number, category, date, date:%d.%m.%Y or ignore",
        ),
        (
            {"targets": "classes", "scale_target": True},
            "scale_target: classes are not scaled; it is for task regression",
        ),
    ],
)
def test_what_cannot_be_is_named_by_its_key(args: dict[str, Any], words: str) -> None:
    assert refusal(lambda: RowOptions(**args)) == f"data.source.args.{words}"


@pytest.mark.parametrize(
    ("args", "scales"),
    [
        ({}, True),
        ({"scale": False}, False),
        ({"scale": False, "scale_target": True}, True),
        ({"scale_target": False}, False),
        ({"targets": "classes"}, False),
    ],
)
def test_targets_are_scaled_as_columns_are_and_classes_never(args: dict[str, Any], scales: bool) -> None:
    assert RowOptions(**args).scales_target is scales


def test_a_missing_target_goes_with_missing_cells_unless_it_is_said() -> None:
    assert RowOptions().for_missing_targets == "error"
    assert RowOptions(missing="drop").for_missing_targets == "drop"
    assert RowOptions(missing="fill").for_missing_targets == "error"
    assert RowOptions(missing="drop", missing_targets="error").for_missing_targets == "error"
    assert RowOptions(missing="fill", missing_targets="drop").for_missing_targets == "drop"
