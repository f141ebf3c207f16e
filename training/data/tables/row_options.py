"""A recipe's options for a table's rows: their types, split and scaling, and what is done about gaps."""

import re
from dataclasses import dataclass
from typing import Literal

from torchferry.errors import UserError
from torchferry.training.data.arguments import WHAT
from torchferry.training.data.tables.gaps import Missing
from torchferry.training.data.tables.table_split import Split

WAY = re.compile(r"number|category|date(:.+)?|ignore")


@dataclass(frozen=True, kw_only=True)
class RowOptions:
    """Raises UserError for what is out of range, for an unknown kind of column, and for a scale of classes.

    Args:
        columns_as: What a column is where it is not clear: number, category, date, date:%d.%m.%Y, or ignore.
        targets: What the target columns are, as the recipe's task says: classes of one, or values.
        test_fraction: Share of the rows that is held out, 0 to below 1; with 0 the test set is the training set.
        split_seed: Decides which ones.
        split: hash (a row's side depends on what it holds alone) or shuffle (scikit-learn's train_test_split).
        scale: Lets the network see columns with mean 0 and deviation 1.
        scale_target: The same for regression targets, which the model scales back; null is what `scale` is.
        datatype: In which numbers reach the model, float64 or float32; the network takes float32 of what is scaled.
        missing: What a missing value does: error, drop the row, fill (median or most frequent category), or indicator
            (fill, and a column that says so).
        missing_targets: error or drop; null is drop where `missing` is.
    """

    columns_as: dict[str, str] | None = None
    targets: Literal["values", "classes"] = "values"
    test_fraction: float = 0.2
    split_seed: int = 42
    split: Split = "hash"
    scale: bool = True
    scale_target: bool | None = None
    datatype: Literal["float64", "float32"] = "float64"
    missing: Missing = "error"
    missing_targets: Literal["error", "drop"] | None = None

    def __post_init__(self) -> None:
        for column, way in (self.columns_as or {}).items():
            if not WAY.fullmatch(way):
                words = "number, category, date, date:%d.%m.%Y or ignore"
                raise UserError(f"{WHAT}.columns_as.{column}: '{way}' is none of {words}")
        if not 0 <= self.test_fraction < 1:
            raise UserError(f"{WHAT}.test_fraction: {self.test_fraction} is not 0 or more and below 1")
        if not 0 <= self.split_seed < 2**32:
            raise UserError(f"{WHAT}.split_seed: {self.split_seed} is not between 0 and {2**32 - 1}")
        if self.scale_target and self.targets != "values":
            raise UserError(f"{WHAT}.scale_target: classes are not scaled; it is for task regression")

    @property
    def scales_target(self) -> bool:
        return self.targets == "values" and (self.scale if self.scale_target is None else self.scale_target)

    @property
    def for_missing_targets(self) -> Literal["error", "drop"]:
        return self.missing_targets or ("drop" if self.missing == "drop" else "error")
