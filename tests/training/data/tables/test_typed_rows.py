"""The rows that a run uses: without what is left out, with a key each, and with the columns that a model knows."""

from typing import Any

import pytest

from tests.training.data.sources import refusal
from tests.training.data.table_rows import table_of
from torchferry.contract.encoders import Encoder
from torchferry.training.data.source import TableInput
from torchferry.training.data.tables.row_options import RowOptions
from torchferry.training.data.tables.typed_rows import encoders_of, typed_rows

KNOWN = TableInput(
    columns=("k=u", "d", "a"),
    mean=(0, 0, 0),
    std=(1, 1, 1),
    encoders=(
        Encoder(column="k", kind="category", categories=("u",)),
        Encoder(column="d", kind="date", form="%d.%m.%Y"),
        Encoder(column="a"),
    ),
)
CELLS: dict[str, Any] = {"a": [1, 2, 3], "d": ["2.1.1970", None, "1.1.1970"], "k": ["u", "v", "u"]}


def asked(targets: str = "values", missing: str = "drop", **columns_as: str) -> RowOptions:
    return RowOptions(
        columns_as=columns_as,
        targets=targets,  # type: ignore[arg-type]
        missing=missing,  # type: ignore[arg-type]
        missing_targets="drop",
    )


def test_rows_that_are_left_out_have_no_key_and_the_others_their_place() -> None:
    table = table_of(**CELLS, target=[5, 6, 7])
    rows = typed_rows(table, asked(d="date:%d.%m.%Y"), None)
    assert [column.values.tolist() for column in rows.features] == [[1, 3], [86400, 0], ["u", "u"]]
    assert [column.values.tolist() for column in rows.targets] == [[5, 7]]
    assert (len(rows.keys), rows.place(1)) == (2, "row 3")
    assert rows.notes[0] == "missing values (drop): 1 in d"


def test_a_row_has_the_same_key_whatever_rows_are_left_out() -> None:
    columns: dict[str, Any] = {"a": [1, 2, 3], "b": [1.0, None, 3.0]}
    dropped = typed_rows(table_of(**columns), asked(), None).keys
    filled = typed_rows(table_of(**columns), asked(missing="fill"), None).keys
    assert dropped.tolist() == filled[[0, 2]].tolist()


def test_the_target_is_a_part_of_the_key() -> None:
    one, other = (typed_rows(table_of(a=[1, 2], target=[0, y]), asked("classification"), None).keys for y in (1, 2))
    assert one[0] == other[0]
    assert one[1] != other[1]


def test_columns_come_as_a_model_knows_them() -> None:
    rows = typed_rows(table_of(**CELLS), asked(), KNOWN)
    assert [(column.name, column.kind, column.form) for column in rows.features] == [
        ("k", "category", None),
        ("d", "date", "%d.%m.%Y"),
        ("a", "number", None),
    ]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"a": [1], "k": ["u"]}, "it lacks d"),
        ({**CELLS, "more": [1, 2, 3]}, "it has more as well"),
        ({"a": [1], "k": ["u"], "e": [1]}, "it lacks d and has e as well"),
    ],
)
def test_other_columns_are_refused(columns: dict[str, Any], words: str) -> None:
    refused = refusal(lambda: typed_rows(table_of(**columns), asked(), KNOWN))
    assert refused == f"rows: does not have the columns that the model was trained on: {words}"


def test_an_input_without_encoders_has_plain_ones() -> None:
    plain = TableInput(columns=("a", "b"), mean=(0, 0), std=(1, 1))
    assert encoders_of(plain) == (Encoder(column="a"), Encoder(column="b"))
    assert encoders_of(KNOWN) == KNOWN.encoders
