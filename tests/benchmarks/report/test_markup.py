"""HTML as strings: what is not Markup is escaped, and numbers are written for people."""

import math

import pytest

from tests.benchmarks.report.parsed import Page
from torchferry.benchmarks.interval import Interval
from torchferry.benchmarks.report.markup import Markup, escaped, figure, interval, number, percent, slug, table, tag


def test_what_is_not_markup_is_escaped() -> None:
    assert tag("p", "<b>", Markup("<i></i>"), title="\"&'") == '<p title="&quot;&amp;&#x27;">&lt;b&gt;<i></i></p>'
    assert escaped("<") == "&lt;"
    assert tag("p", escaped("<")) == "<p>&lt;</p>"


def test_none_and_false_leave_out_a_child_or_an_attribute() -> None:
    made = tag("a", None, False, 0, class_="x", aria_label=None, open=False, hidden=True, stroke_width=0)
    assert made == '<a class="x" hidden stroke-width="0">0</a>'
    assert tag("meta", charset="utf-8") == '<meta charset="utf-8">'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "–"),
        (0.0, "0"),
        (0.012345, "0.0123"),
        (99.94, "99.9"),
        (100.4, "100"),
        (1234.6, "1,235"),
        (-1234.6, "-1,235"),
    ],
)
def test_a_number_has_three_digits_and_all_before_the_point(value: float | None, text: str) -> None:
    assert number(value) == text


def test_a_share_is_a_percentage_and_an_interval_has_brackets() -> None:
    assert [percent(share) for share in (0.5, 1, None, math.nan)] == ["50.00 %", "100.00 %", "–", "–"]
    assert interval(Interval(median=1.5, low=1.25, high=2000)) == "1.5 [1.25, 2,000]"


def test_a_column_of_figures_is_aligned_and_a_sentence_is_long() -> None:
    rows = [["1", 1.23456, 5, "12.5 %", "yes"], ["2", "–", 1234, "1.5 [1, 2]", "because it is a whole sentence"]]
    page = Page(table("Both", ["", "ms", "count", "share", "why"], rows))
    assert page.table("Both")[1:] == [
        ["1", "1.23", "5", "12.5 %", "yes"],
        ["2", "–", "1,234", "1.5 [1, 2]", "because it is a whole sentence"],
    ]
    assert [given.get("class") for given, _ in page.all("td")] == ["n", "n", "n", None, "n", "n", "n", "long"]
    assert [given.get("class") for given, _ in page.all("th")] == [None, "n", "n", "n", None, None, None]


def test_a_table_without_rows_has_its_heads() -> None:
    assert Page(table("Nothing", ["", "ms"], [])).table("Nothing") == [["", "ms"]]


def test_a_figure_folds_the_numbers_behind_it() -> None:
    page = Page(figure("Size", "In kB.", Markup("<svg></svg>"), table("Size", ["", "kB"], [["a", 1.0]])))
    assert page.all("figcaption")[0][1] == "Size In kB."
    assert page.all("summary")[0][1] == "Data: Size"
    assert not Page(figure("Size", "In kB.", Markup("<svg></svg>"))).all("details")


@pytest.mark.parametrize(("text", "name"), [("Bundle a/b 1.0!", "bundle-a-b-1-0"), ("→", "part"), ("", "part")])
def test_a_slug_is_letters_digits_and_dashes(text: str, name: str) -> None:
    assert slug(text) == name
