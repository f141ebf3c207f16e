"""A row's key is of what it holds: not of its place, the columns' order, or the process."""

import numpy as np

from torchferry.training.data.tables.columns import Column
from torchferry.training.data.tables.row_keys import row_keys

A = Column(name="a", kind="number", values=np.array([0.0, 1.5, np.nan, 0.0, -0.0]))
K = Column(name="k", kind="category", values=np.array(["u", "v", None, "u", "u"], object))


def test_equal_rows_have_equal_keys_and_others_have_others() -> None:
    keys = row_keys([A, K])
    assert keys.dtype == np.uint64
    assert keys[0] == keys[3] == keys[4]  # 0.0 and -0.0 are one number
    assert len(set(keys.tolist())) == 3


def test_the_order_of_rows_and_columns_is_of_no_matter() -> None:
    backwards = [Column(name=each.name, kind=each.kind, values=each.values[::-1]) for each in (K, A)]
    assert row_keys(backwards)[::-1].tolist() == row_keys([A, K]).tolist()


def test_the_same_cell_in_another_column_is_another_row() -> None:
    one, two = (Column(name="a", kind="number", values=np.array(cells)) for cells in ([1.0, 2.0], [2.0, 1.0]))
    keys = row_keys([one, Column(name="b", kind="number", values=two.values)])
    assert keys[0] != keys[1]


def test_a_missing_cell_is_neither_nothing_nor_empty_text() -> None:
    text = Column(name="k", kind="category", values=np.array(["", None, "a missing cell"], object))
    assert len(set(row_keys([text]).tolist())) == 3


def test_the_keys_are_those_of_earlier_versions() -> None:
    """Or rows would change sides under a run that goes on."""
    number = Column(name="a", kind="number", values=np.array([1.5, np.nan]))
    text = Column(name="k", kind="category", values=np.array(["u", None], object))
    assert row_keys([number, text]).tolist() == [1665361627669244990, 14540622661608799068]
