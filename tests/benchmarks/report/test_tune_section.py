"""The report's section on `tune`: the course of the search and every point."""

import json
from pathlib import Path

import pytest

from tests.benchmarks.report.parsed import report as made_report
from tests.benchmarks.tune.landscape import a_tune, space
from torchferry.errors import UserError


def test_the_report_shows_the_course_and_every_point(tmp_path: Path) -> None:
    page = made_report(tmp_path, a_tune(tmp_path))
    assert "Tuning for digits by onnx" in [text for _, text in page.all("h2")]
    heads, *rows = page.table("Every point")
    assert len(rows) == len(space())
    assert heads[:4] == ["", "outcome", "at most/s", "held/s"]
    assert {row[1] for row in rows} == {"measured", "pruned", "skipped"}
    course = page.table("The best rate until then")[1:]
    assert len(course) >= 2
    assert page.table("The highest rate of a point")[1][0] == course[-1][0]
    assert any(f"{course[-1][0]} keeps p99 within 50 ms on 2 cores up to" in text for _, text in page.all("p"))
    assert any("Sent: 8 to 128 tokens, half of them up to 40." in text for _, text in page.all("p"))
    charts = [given for given, _ in page.all("svg") if given.get("aria-hidden") != "true"]
    assert len(charts) == 3
    assert len(page.table("What a point answers at most")) == 1 + 6
    assert all(course[-1][0] in (given["aria-label"] or "") for given in charts[:2])


def test_the_report_says_what_is_missing(tmp_path: Path) -> None:
    source = a_tune(tmp_path, interrupted=130)
    content = json.loads(source.read_text())
    content["results"] |= {"winner": None, "rate": None, "course": []}
    for point in content["results"]["points"]:
        point["rate"] = point["capacity"] = None
    source.write_text(json.dumps(content))
    page = made_report(tmp_path, source)
    assert any("Partial: it was interrupted. No settings were found that keep p99" in text for _, text in page.all("p"))
    assert not page.all("figure")
    content["results"]["points"][0] = 3
    source.write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"tune\.json: is not as this version of torchferry writes it"):
        made_report(tmp_path, source)
