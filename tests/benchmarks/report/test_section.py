"""The parts that all sections of a report share: table columns and the origin."""

from pathlib import Path

from tests.benchmarks.report.parsed import shown
from torchferry.benchmarks.report.markup import tag
from torchferry.benchmarks.report.section import Section, columns, origin


def test_columns_leave_out_what_is_missing() -> None:
    assert columns(None, tag("p", "a"), None) == '<div class="columns"><p>a</p></div>'


def test_the_origin_is_the_path_as_text() -> None:
    page = shown(Section(title="One", content=[origin(Path("a<b>/c.json")), None]))
    assert page.all("p") == [({"class": "note"}, "From a<b>/c.json.")]
    assert not page.all("b")
