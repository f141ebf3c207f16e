"""Horizontal bars: their lengths, names, intervals and parts."""

from tests.benchmarks.report.parsed import Page
from torchferry.benchmarks.report.bars import END, Bar, bars, data


def widths(page: Page) -> list[float]:
    return [float(given["width"] or "nan") for given, _ in page.all("rect") if "height" in given]


def values(page: Page) -> list[str]:
    return [text for given, text in page.all("text") if given.get("class") == "value"]


def test_the_longest_bar_has_the_whole_length_and_others_their_share() -> None:
    page = Page(bars([Bar(name="a", parts=[2.0]), Bar(name="b", parts=[1.0])], "two"))
    assert widths(page) == [END, END / 2]
    assert values(page) == ["2", "1"]
    assert page.all("svg")[0][0]["aria-label"] == "two"


def test_a_small_value_is_seen_and_nothing_is_not() -> None:
    page = Page(bars([Bar(name="a", parts=[1e6]), Bar(name="b", parts=[1.0]), Bar(name="c", parts=[0.0])], ""))
    assert widths(page) == [END, 2.5, 0]
    assert widths(Page(bars([Bar(name="a", parts=[0.0])], ""))) == [0]


def test_an_interval_is_drawn_to_the_same_scale_with_the_value_behind_it() -> None:
    page = Page(bars([Bar(name="a", parts=[1.0], interval=(0.5, 2.0))], ""))
    assert widths(page) == [END / 2]
    (whisker,) = [given["d"] or "" for given, _ in page.all("path") if given["class"] == "whisker"]
    assert whisker.startswith("M87.5 ")
    assert "H350.0M" in whisker
    assert [given["x"] for given, _ in page.all("text") if given.get("class") == "value"] == ["356.0"]


def test_parts_have_letters_where_there_is_room_and_a_legend() -> None:
    page = Page(bars([Bar(name="a", parts=[99.0, 1.0])], "", ["queue", "inference"]))
    assert [text for given, text in page.all("text") if given.get("class") == "in-bar"] == ["A"]
    assert [text for _, text in page.all("li")] == ["A queue", "B inference"]
    assert [given["x"] for given, _ in page.all("rect") if given["height"] == "18"] == ["0.0", "346.5"]


def test_a_rest_below_zero_has_no_length_but_counts() -> None:
    page = Page(bars([Bar(name="a", parts=[2.0, -0.5])], "", ["inference", "rest"]))
    assert widths(page)[:2] == [END, 0]
    assert values(page) == ["1.5"]


def test_a_long_name_is_written_on_several_lines_above_its_bar() -> None:
    name = " ".join(["twelve words"] * 12)
    page = Page(bars([Bar(name=name, parts=[1.0]), Bar(name="b", parts=[1.0])], ""))
    *lines, last = [(float(given["y"] or "nan"), text) for given, text in page.all("text") if "class" not in given]
    assert len(lines) == 4
    assert " ".join(text for _, text in lines) == name
    first, second = [float(given["y"] or "nan") for given, _ in page.all("rect")]
    assert lines[-1][0] < first < last[0] < second


def test_the_data_has_a_column_for_each_part_or_for_the_interval() -> None:
    plain, sure = Bar(name="a", parts=[1.0]), Bar(name="b", parts=[2.0], interval=(1.5, 2.5))
    assert Page(data("Plain", [plain], "ms")).table("Plain") == [["", "ms"], ["a", "1"]]
    assert Page(data("Sure", [plain, sure], "ms")).table("Sure") == [
        ["", "ms", "interval"],
        ["a", "1", "–"],
        ["b", "2", "1.5 to 2.5"],
    ]
    parts = Page(data("Parts", [Bar(name="c", parts=[1.0, 3.0])], "ms", ["queue", "rest"]))
    assert parts.table("Parts") == [["", "queue, ms", "rest, ms"], ["c", "1", "3"]]
