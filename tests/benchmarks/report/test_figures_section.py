"""The report's section on figures without a chart of their own, and on verdicts."""

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.report.parsed import shown
from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.report.figures_section import figures_section
from torchferry.benchmarks.report.source import Result
from torchferry.errors import UserError


def result(verb: str, results: Any = None, **figures: Figure) -> Result:
    return Result(path=Path(f"{verb}.json"), verb=verb, content={"results": results or {}}, figures=figures)


def test_there_is_a_picture_for_each_unit() -> None:
    found = {
        "digits x 1, ours, samples/s": Figure(better="higher", values=[10.0, 12.0, 11.0]),
        "digits x 2, ours, samples/s": Figure(better="higher", values=[20.0]),
        "save, s": Figure(better="lower", values=[0.5]),
    }
    page = shown(figures_section(result("scaling", **found)))
    assert page.table("samples/s")[1:] == [
        ["digits x 1, ours", "11", "10 to 12"],
        ["digits x 2, ours", "20", "20 to 20"],
    ]
    assert page.table("s")[1] == ["digits x 1, ours", "11", "10 to 12"]
    captions = [text for _, text in page.all("figcaption")]
    assert [text.rpartition("; ")[2] for text in captions] == ["longer is better.", "shorter is better."]


def test_a_figure_without_values_is_a_dash_and_not_drawn() -> None:
    page = shown(figures_section(result("training", s=Figure(better="lower", values=[]))))
    assert page.table("All figures")[1] == ["s", "–", "lower is better", "0"]
    assert not page.all("figure")


def test_a_verdict_may_have_no_ratio() -> None:
    ratio = {"median": 1.5, "low": 1.25, "high": 2.0}
    verdicts = {
        "p50 ms": {"says": "slower", "ratio": ratio, "confidence": 0.995, "pairs": 7},
        "p99 ms": {"says": "no change", "ratio": None, "confidence": 0.5, "pairs": 0},
    }
    section = figures_section(result("compare", verdicts))
    assert section.title == "Faster or slower"
    assert shown(section).table("Verdicts")[1:] == [
        ["p50 ms", "slower", "1.500 [1.250, 2.000]", "99.50 %", "7"],
        ["p99 ms", "no change", "–", "50.00 %", "0"],
    ]


def test_an_unknown_verb_has_its_own_name_for_a_title() -> None:
    assert figures_section(result("fresh")).title == "fresh"


@pytest.mark.parametrize("verdict", [3, {}, {"says": "slower", "ratio": 1.5, "confidence": 0.5, "pairs": 1}])
def test_a_verdict_of_another_form_is_refused(verdict: object) -> None:
    with pytest.raises(UserError, match=r"compare\.json: is not as this version"):
        figures_section(result("compare", {"p50 ms": verdict}))
