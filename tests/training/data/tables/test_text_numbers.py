"""Numbers and dates that are written as text, with the signs that the file has."""

from typing import Any

import pyarrow as pa
import pytest

from tests.training.data.sources import refusal
from torchferry.contract.signs import Signs
from torchferry.training.data.tables.text_numbers import is_local_date, is_number, numbers_in, seconds, signs_of


def text(*cells: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(cells, pa.large_string())])


def signs(*columns: tuple[str | None, ...], decimal: str | None = None, thousands: str | None = None) -> Signs:
    return signs_of({"abc"[i]: text(*cells) for i, cells in enumerate(columns)}, decimal, thousands, "t")


@pytest.mark.parametrize(
    ("of", "cell", "number"),
    [
        (Signs(), "1e3", 1000),
        (Signs(), "+1.", 1),
        (Signs(), "-.5", -0.5),
        (Signs(), "inf", float("inf")),
        (Signs(), "1,5", None),
        (Signs(), "0x1f", None),
        (Signs(), "1_000", None),
        (Signs(","), "1,5", 1.5),
        (Signs(","), "1.5", None),
        (Signs(",", "."), "-1.234.567,5e1", -12345675),
        (Signs(".", ","), "1,234", 1234),
        (Signs(".", ","), "1,2", None),
        (Signs(".", ","), "12,34,567", 1234567),
        (Signs(".", "'"), "1'234.5", 1234.5),
    ],
)
def test_a_cell_is_a_number_or_none(of: Signs, cell: str, number: float | None) -> None:
    assert numbers_in(text(cell, None), of).to_pylist() == [number, None]
    assert is_number(text(cell), of).to_pylist() == [number is not None]


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        ([("1.5", "2", "3"), ("u", "v", "1,5")], Signs()),
        ([("1.234", "2.345")], Signs()),
        ([("1,5", "2"), ("3", None)], Signs(",")),
        ([("1,5", "?", "2,25")], Signs(",")),
        ([("1,234.5", "2")], Signs(".", ",")),
        ([("1,234,567", "2")], Signs(".", ",")),
        ([("1.234,5", "2")], Signs(",", ".")),
        ([("1,5", "2"), ("1.234", "5.678")], Signs(",", ".")),
        ([("1,234", "2"), ("1,5", "2")], Signs(",")),
        ([("1 234,5", "2")], Signs(",", " ")),
        ([("1'234.5", "2'000'000.25")], Signs(".", "'")),
        ([("1\u202f234,5", "2")], Signs(",", "\u202f")),
        ([("10.0.0.1", "10.0.0.2"), ("1.5", "2")], Signs()),
        ([("3.4.2026", "5.6.2026"), ("1.5", "2")], Signs()),
        ([("u", "v")], Signs()),
        ([(None, None)], Signs()),
    ],
)
def test_signs_are_found_where_one_reading_is_left(columns: list[tuple[str | None, ...]], found: Signs) -> None:
    assert signs(*columns) == found


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            [("12", "1,234")],
            "t: column 'a' has '1,234', which may be read with decimal '.' and thousands ',' or decimal ','; say which",
        ),
        ([("1.5", "2"), ("2,5", "3")], "t: column 'b' has '2,5', and other columns have numbers with other signs"),
    ],
)
def test_several_readings_and_none_are_refused(columns: list[tuple[str, ...]], words: str) -> None:
    assert refusal(lambda: signs(*columns)).startswith(words)


@pytest.mark.parametrize(
    ("given", "found"),
    [({"decimal": ","}, Signs(",")), ({"thousands": ","}, Signs(".", ",")), ({"decimal": "."}, Signs(".", ","))],
)
def test_the_recipe_decides_between_readings(given: dict[str, Any], found: Signs) -> None:
    assert signs(("12", "1,234"), **given) == found


@pytest.mark.parametrize(
    ("cell", "second"),
    [
        ("1970-01-02", 86400),
        ("1970-01-01 00:01", 60),
        ("1970-01-01T00:00:01.5", 1.5),
        ("1970-01-01T00:00:00.000000001", 1e-9),
        ("1970-01-01T00:00:01Z", 1),
        ("1970-01-01 02:00:01+02:00", 1),
        ("1500-01-01", -14831769600),
        ("1970-02-30", None),
        ("1970-01", None),
        ("1970", None),
        ("today", None),
        (None, None),
    ],
)
def test_dates_are_seconds_since_1970(cell: str | None, second: float | None) -> None:
    assert seconds(text(cell, "1970-01-01")).to_pylist() == [second, 0]


def test_dates_may_be_written_another_way() -> None:
    assert seconds(text("2.1.1970", "1.13.1970", None), "%d.%m.%Y").to_pylist() == [86400, None, None]


@pytest.mark.parametrize(
    ("cell", "local"),
    [("3/4/2026", True), ("03.04.26 10:00", True), ("2026/3/4", True), ("2026-03-04", False), ("3", False)],
)
def test_a_date_whose_month_nobody_knows_is_told(cell: str, local: bool) -> None:
    assert is_local_date(text(cell, None)) is local
