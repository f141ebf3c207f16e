"""The contract of a table: names that fit, gaps that are filled, and records back from rows of numbers."""

import dataclasses
import json

import numpy as np
import pytest

from torchferry.contract.cells import CellText
from torchferry.contract.encoders import Encoder
from torchferry.contract.table import TableSpec, WrongRow

AGE = Encoder(column="age", fill=30.0, indicator=True)
SEX = Encoder(column="sex", kind="category", categories=("female", "male"))
JOINED = Encoder(column="joined", kind="date", form="%d.%m.%Y")
TABLE = TableSpec(columns=(AGE, SEX, JOINED))
NUMBERS = ("age", "age is missing", "sex=female", "sex=male", "joined")


def test_it_comes_back_from_json() -> None:
    table = TableSpec(columns=(AGE, SEX, JOINED), text=CellText(missing_words=("?",), decimal=",", thousands="."))
    for each in (table, dataclasses.replace(table, targets=("fare",), unread=("id", "name"))):
        assert TableSpec.of_json(json.loads(json.dumps(dataclasses.asdict(each)))) == each


def test_one_of_before_says_nothing_of_other_columns() -> None:
    content = json.loads(json.dumps(dataclasses.asdict(TABLE)))
    del content["targets"], content["unread"]
    assert TableSpec.of_json(content) == TABLE


def test_its_numbers_are_named_in_their_order() -> None:
    assert (TABLE.names, TABLE.numbers) == (("age", "sex", "joined"), NUMBERS)
    assert TABLE.takes_missing
    assert not TableSpec(columns=(SEX, JOINED)).takes_missing


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("age", "Sexe", "joined"), "here: there is no column 'Sexe'; did you mean sex?"),
        (("zzz",), "there is no column 'zzz'; the columns are age, sex, joined"),
        (("age", "sex"), "here: column 'joined' is not given, and the model was trained without missing values there"),
        (("age",), "columns sex, joined are not given"),
    ],
)
def test_names_that_do_not_fit_are_said_with_the_nearest(given: tuple[str, ...], words: str) -> None:
    with pytest.raises(WrongRow) as error:
        TABLE.check_names(given, "here")
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("fare", "here: column 'fare' is what the model predicts; leave it out"),
        ("id", "here: column 'id' is not read by the model; leave it out"),
        ("farm", "here: there is no column 'farm'"),
    ],
)
def test_another_column_of_the_training_data_is_called_what_it_is(name: str, words: str) -> None:
    table = dataclasses.replace(TABLE, targets=("fare",), unread=("id",))
    with pytest.raises(WrongRow, match=f"^{words}"):
        table.check_names(("age", "sex", "joined", name), "here")


def test_a_column_that_may_be_missing_may_be_left_out() -> None:
    TABLE.check_names(("joined", "sex"), "here")
    values = TABLE.values({"joined": ["02.01.1970"], "sex": ["male"]}, 1, str)
    assert TABLE.encoded(values).tolist() == [[30, 1, 0, 1, 86400]]


def test_a_cell_that_may_not_be_missing_is_refused_where_it_stands() -> None:
    with pytest.raises(WrongRow, match=r"^row 1: column 'sex' is missing, and the model was trained without missing"):
        TABLE.values({"sex": ["male", "NA"], "joined": ["1.1.1970"] * 2}, 2, lambda row: f"row {row}")
    with pytest.raises(WrongRow, match=r"^row 0: column 'joined' is '1970'; a date as"):
        TABLE.values({"sex": ["male"], "joined": ["1970"]}, 1, lambda row: f"row {row}")


def test_categories_of_no_training_row_are_said() -> None:
    one, two = (TABLE.values({"sex": sexes, "joined": ["1.1.1970"] * 2}, 2, str) for sexes in (["mal"] * 2, ["a", "b"]))
    assert TABLE.unseen(one) == [
        "column 'sex': no training row has 'mal', which counts as no category; did you mean male?"
    ]
    assert TABLE.unseen(two) == ["column 'sex': no training row has 'a', 'b', which counts as no category"]
    assert TABLE.encoded(one)[:, 2:4].tolist() == [[0, 0], [0, 0]]


def test_a_gap_in_a_row_of_numbers_is_filled() -> None:
    rows = np.array([[np.nan, 0, 1, 0, 5], [7, 0, 0, 1, 6]], np.float32)
    assert TABLE.with_gaps_filled(rows).tolist() == [[30, 1, 1, 0, 5], [7, 0, 0, 1, 6]]
    assert np.isnan(rows[0, 0])


@pytest.mark.parametrize(("number", "name"), [(4, "joined"), (2, "sex=female"), (1, "age is missing")])
def test_a_gap_that_nothing_stands_for_is_refused(number: int, name: str) -> None:
    rows = np.zeros((2, 5))
    rows[1, number] = np.nan
    with pytest.raises(WrongRow, match=f"^row 2: '{name}' is missing, and the model was trained without"):
        TABLE.with_gaps_filled(rows)


def test_a_row_of_numbers_is_a_record_again() -> None:
    record = {"age": 41.5, "sex": "male", "joined": "02.01.1970"}
    for cells in (record, record | {"age": None}):
        row = TABLE.encoded(TABLE.values({name: [cell] for name, cell in cells.items()}, 1, str))[0]
        assert TABLE.record(row.astype(np.float32)) == cells
    assert TABLE.record(np.zeros(5)) == {"age": 0, "sex": None, "joined": "01.01.1970"}
