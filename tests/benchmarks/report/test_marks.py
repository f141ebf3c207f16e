"""Markers, letters, colours and dashes that distinguish the series of a chart."""

from tests.benchmarks.report.parsed import Page
from torchferry.benchmarks.report.marks import COLOURS, legend, letter, shape


def test_letters_go_on_as_numbers() -> None:
    assert [letter(index) for index in (0, 25, 26, 99)] == ["A", "Z", "27", "100"]


def test_a_legend_names_each_with_its_letter() -> None:
    page = Page(legend(["<one>", "two"]))
    assert [text for _, text in page.all("li")] == ["A <one>", "B two"]
    assert [given["class"] for given, _ in page.all("svg")] == ["s0", "s1"]
    assert len(page.all("rect")) == 2
    assert not page.all("path")


def test_no_two_of_many_lines_look_the_same() -> None:
    page = Page(legend([f"line {index}" for index in range(42)], lined=True))
    colours = [given["class"] for given, _ in page.all("svg")]
    dashes = [given.get("stroke-dasharray") for given, _ in page.all("path") if given["class"] == "line"]
    assert len(set(colours)) == COLOURS
    assert len(set(zip(colours, dashes, strict=True))) == 42


def test_a_marker_says_what_its_point_is_worth() -> None:
    assert 'class="dot"' in shape(0, 1, 2)
    assert 'class="hollow"' in shape(0, 1, 2, "saturated")
    assert 'class="cross"' in shape(0, 1, 2, "void")
    assert len({shape(index, 1, 2) for index in range(6)}) == 5
