"""Dates are the seconds that training's reader makes of them."""

import pyarrow as pa
import pytest

from torchferry.contract.dates import seconds_of, written
from torchferry.training.data.tables.text_numbers import seconds

ISO = (
    *("1970-01-02", "1970-01-01 00:01", "1970-01-01T00:00:01.5", "1970-01-01T00:00:00.000000001", "1500-01-01"),
    *("1970-01-01T00:00:01Z", "1970-01-01 02:00:01+02:00", "2026-02-03T10:30+0530", "2026-02-03T10:30:01.123456-11"),
    *("9999-12-31T23:59:59.999999", "1969-12-31T23:59:59.9", "2024-02-29"),
    *("1970-02-30", "1970-01", "1970", "today", "2026-01-01T24:00", "2026-01-01T10:00+25:00", "2026-01-01T10", ""),
    *(
        "1500-01-01T00:00:00.123456789",
        "2026-01-01T00:00:00.1234567891",
        "\u0662\u0660\u0662\u0666-01-01",
        "1970-01-01Z",
    ),
)


@pytest.mark.parametrize("text", ISO)
def test_a_text_is_the_date_that_training_reads(text: str) -> None:
    cells = pa.chunked_array([pa.array([text], pa.large_string())])
    assert seconds_of(text) == seconds(cells)[0].as_py()


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%d.%m.%Y", "2.1.1970"),
        ("%d.%m.%Y", "1.13.1970"),
        ("%d.%m.%Y", "2.1.1970 "),
        ("%m/%d/%y", "3/4/26"),
        ("%D %T", "03/04/69 10:20:30"),
        ("%d %b %Y", "3 Feb 2026"),
        ("%Y%m%d", "20260131"),
        ("%d.%m.%Y", "1970-01-02"),
    ],
)
def test_a_form_reads_what_training_reads_with_it(form: str, text: str) -> None:
    cells = pa.chunked_array([pa.array([text], pa.large_string())])
    assert seconds_of(text, form) == seconds(cells, form)[0].as_py()


def test_a_day_that_there_is_not_is_none() -> None:
    assert seconds_of("31.02.2026", "%d.%m.%Y") is None


@pytest.mark.parametrize(
    ("second", "form", "text"),
    [
        (86400.0, None, "1970-01-02"),
        (1.5, None, "1970-01-01T00:00:01.500000"),
        (-1.0, None, "1969-12-31T23:59:59"),
        (86400.0, "%d.%m.%Y", "02.01.1970"),
    ],
)
def test_a_date_that_is_written_is_read_again(second: float, form: str | None, text: str) -> None:
    assert written(second, form) == text
    assert seconds_of(text, form) == second
