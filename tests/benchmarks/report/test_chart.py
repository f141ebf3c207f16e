"""A line chart: which points it joins, how it marks them, and the table of its data."""

import itertools
import math

import pytest

from tests.benchmarks.report.parsed import Page
from torchferry.benchmarks.report.chart import Axis, Point, Series, data, line_chart, thinned

X, Y, LOG = Axis(label="requests/s"), Axis(label="ms"), Axis(label="ms", log=True)


def series(*points: tuple[float, float], name: str = "ours") -> Series:
    return Series(name=name, points=[Point(x=x, y=y) for x, y in points])


def lines(page: Page) -> list[str]:
    """The path of each that goes through a chart."""
    return [given["d"] or "" for given, _ in page.all("path") if given["class"] == "line" and given["d"] != "M1 7H35"]


def texts(page: Page) -> list[str]:
    return [text for _, text in page.all("text")]


@pytest.mark.parametrize(
    ("count", "most", "kept"), [(3, 4, [0, 1, 2]), (4, 4, [0, 1, 2, 3]), (1000, 4, [0, 333, 666, 999])]
)
def test_thinned_keeps_the_first_and_the_last(count: int, most: int, kept: list[int]) -> None:
    assert list(thinned(range(count), most)) == kept


def test_points_without_a_place_on_the_axis_are_left_out() -> None:
    page = Page(line_chart([series((1, 0), (2, 1), (3, math.nan), (4, 10), (5, math.inf))], X, LOG, "a line"))
    assert [path.count("L") for path in lines(page)] == [1]
    assert [text for _, text in page.all("title")] == ["ours: 1 at 2", "ours: 10 at 4"]
    assert "ms, log scale" in texts(page)


def test_a_void_point_is_crossed_out_and_not_joined() -> None:
    points = [Point(x=1, y=1), Point(x=2, y=9, mark="void"), Point(x=3, y=2, mark="saturated")]
    page = Page(line_chart([Series(name="ours", points=points)], X, Y, "a line"))
    assert [path.count("L") for path in lines(page)] == [1]
    assert [text for _, text in page.all("title")][1:] == ["ours: 9 at 2 (void)", "ours: 2 at 3 (saturated)"]
    kinds = [given["class"] for given, _ in page.all("path") if given["class"] in ("cross", "hollow")]
    assert kinds == ["cross", "hollow"]
    assert page.all("p")[0][1] == "× void, it does not count; hollow: the server fell behind."


def test_letters_at_the_ends_do_not_cover_each_other() -> None:
    page = Page(line_chart([series((1, 1), (2, 5), name=name) for name in "abc"], X, Y, "three lines"))
    ends = [(text, float(given["y"] or "nan")) for given, text in page.all("text") if given.get("class") == "end"]
    assert [text for text, _ in ends] == ["A", "B", "C"]
    heights = sorted(y for _, y in ends)
    assert all(after - before >= 14.9 for before, after in itertools.pairwise(heights))


def test_a_long_line_is_thinned_but_keeps_every_marked_point() -> None:
    points = [Point(x=at, y=1 + at % 7, mark="saturated" if at == 123 else None) for at in range(300)]
    page = Page(line_chart([Series(name="ours", points=points)], X, Y, "a long line"))
    titles = [text for _, text in page.all("title")]
    assert len(titles) == 10
    assert any(text.endswith("at 123 (saturated)") for text in titles)


def test_an_axis_is_written_as_it_says() -> None:
    share = Axis(label="accuracy", share=True)
    nines = Axis(label="quicker", ticks=((0.0, "0 %"), (1.0, "90 %")))
    page = Page(line_chart([series((0, 0.5), (1, 1))], nines, share, "a line"))
    assert {"50 %", "100 %", "0 %", "90 %", "quicker", "accuracy"} <= set(texts(page))


def test_no_points_are_an_empty_chart() -> None:
    page = Page(line_chart([series()], X, LOG, "nothing"))
    assert not lines(page)
    assert page.all("svg")[0][0]["aria-label"] == "nothing"
    assert "ms" in texts(page)


def test_the_data_has_a_column_for_each_line_and_says_what_it_leaves_out() -> None:
    void = Series(name="theirs", points=[Point(x=2, y=7, mark="void")])
    assert Page(data("Both", [series((1, 1), (2, 2)), void], X, Y)).table("Both") == [
        ["requests/s", "ours", "theirs"],
        ["1", "1", "–"],
        ["2", "2", "7 (void)"],
    ]
    rows = Page(data("Long", [series(*((at, at) for at in range(31)))], X, Y)).table("Long (30 of 31 points)")
    assert [rows[1][0], rows[-1][0], len(rows)] == ["0", "30", 31]
