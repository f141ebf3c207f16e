"""Encoders of a table's columns, fitted with scikit-learn on the training rows alone."""

from collections.abc import Sequence

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder

from torchferry.contract.encoders import Encoder, missing_cells
from torchferry.errors import UserError
from torchferry.training.data.tables.columns import Column
from torchferry.training.data.tables.gaps import Missing


def fitted(columns: Sequence[Column], rows: np.ndarray, missing: Missing, name: str) -> tuple[Encoder, ...]:
    """`rows` are the training rows' indices, int64.

    With fill or indicator a missing number becomes the median; a missing category the most frequent one, or with
    indicator a category of its own. Raises UserError for a column without a value, and for names that meet.
    """
    encoders = tuple(_encoder(column, column.values[rows], missing, name) for column in columns)
    names = [each for encoder in encoders for each in encoder.names]
    if twice := next((each for each in names if names.count(each) > 1), None):
        raise UserError(f"{name}: two encoded columns would be named '{twice}'; rename one of the table's")
    return encoders


def _encoder(column: Column, values: np.ndarray, missing: Missing, name: str) -> Encoder:
    gaps = missing_cells(values)
    if gaps.all():
        raise UserError(f"{name}: column '{column.name}' has no value in any training row; leave it out")
    indicator = missing == "indicator" and bool(gaps.any())
    own = indicator and column.kind == "category"  # the indicator is then a category of its own
    fill = _fill(values) if missing in ("fill", "indicator") and not own else None
    categories: tuple[str, ...] = ()
    if column.kind == "category":
        found = OneHotEncoder().fit(values[~gaps, None]).categories_[0]
        categories = tuple(map(str, found))
    return Encoder(
        column=column.name, kind=column.kind, form=column.form, categories=categories, fill=fill, indicator=indicator
    )


def _fill(values: np.ndarray) -> float | str:
    if values.dtype.kind == "f":
        return float(SimpleImputer(strategy="median").fit(values[:, None]).statistics_[0])
    found = SimpleImputer(strategy="most_frequent", missing_values=None).fit(values[:, None])
    return str(found.statistics_[0])
