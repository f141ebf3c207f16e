"""Assumptions about a table are said, a line each, with the columns' names."""

import numpy as np

from torchferry.contract.encoders import Encoder
from torchferry.training.data.tables.columns import Column
from torchferry.training.data.tables.table_notes import notes_of

KIND = Column(name="kind", kind="category", values=np.array(["u", "v", "w", None], object))


def number(name: str, *values: float) -> Column:
    return Column(name=name, kind="number", values=np.array(values))


def test_categories_and_dates_are_named() -> None:
    day = Column(name="day", kind="date", values=np.arange(4.0))
    encoders = [Encoder(column="kind", kind="category", categories=("u", "v", "w")), Encoder(column="day", kind="date")]
    assert notes_of([KIND, day], encoders) == ["kind (3): categories", "day: dates, read as seconds since 1970"]


def test_a_category_that_no_training_row_has_is_counted_and_named() -> None:
    encoder = Encoder(column="kind", kind="category", categories=("u",))
    words = "kind: 2 cells have a value that no training row has, and are no category: v, w"
    assert notes_of([KIND], [encoder])[-1] == words


def test_columns_that_tell_nothing_are_named() -> None:
    columns = [number("a", 1, 1), number("b", 1, np.nan), number("c", 1, 2)]
    assert notes_of(columns, [Encoder(column=each.name) for each in columns]) == ["a, b: the same in every row"]


def test_a_column_that_is_named_like_an_index_and_counts_is_named() -> None:
    columns = [number(name, 1, 2, 3) for name in ("id", "PassengerId", "user_id", "t", "paid")]
    columns.append(number("index", 1, 2, 4))
    notes = notes_of(columns, [Encoder(column=each.name) for each in columns])
    words = "features although they number the rows (columns_as may say ignore)"
    assert notes == [f"id, PassengerId, user_id: {words}"]


def test_many_names_are_shortened() -> None:
    columns = [number(f"c{n}", 1, 1) for n in range(12)]
    (note,) = notes_of(columns, [Encoder(column=each.name) for each in columns])
    assert note.endswith("c9 and 2 more: the same in every row")
