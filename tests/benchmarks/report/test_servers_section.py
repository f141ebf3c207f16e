"""The report's section that compares servers."""

from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.report.parsed import shown
from tests.benchmarks.report.written import a_servers
from torchferry.benchmarks.report.servers_section import servers_section
from torchferry.benchmarks.report.source import Result, read
from torchferry.errors import UserError


@pytest.fixture
def result(tmp_path: Path) -> Result:
    return read([a_servers(tmp_path)]).results[0]


def measured(result: Result) -> list[dict[str, Any]]:
    return list(result.content["results"]["measured"])


def at(ms: float) -> dict[str, float]:
    return {"median": ms, "low": ms, "high": ms}


def test_each_figure_is_a_picture_with_its_interval(result: Result) -> None:
    page = shown(servers_section(result))
    titles = [text for _, text in page.all("strong")]
    assert titles == ["Latency, p50", "Latency, p99", "Throughput"]
    assert page.table("Latency, p50")[1] == ["ours", "1.1", "1 to 1.2"]
    assert page.table("Medians of each server")[1] == [
        "ours",
        "x 1",
        "rest-binary",
        "1",
        "1",
        "223",
        "1.1",
        "2.25",
        "850",
    ]
    assert any("Medians over 2 rounds" in text for _, text in page.all("p"))


@pytest.mark.parametrize("limit", ["bare", "bare-workers", "limit", "limit+batch"])
def test_a_limit_is_no_server_that_could_be_the_fastest(limit: str, result: Result) -> None:
    ours, other = measured(result)
    other |= {"name": limit, "figures": other["figures"] | {"answered/s": at(5000)}}
    assert servers_section(result).facts == [("most answers/s, digits", "ours, 850")]
    ours["name"] = "bare"
    assert servers_section(result).facts == []


def test_a_server_has_no_point_at_a_rate_that_it_did_not_follow(result: Result) -> None:
    ours, bare = measured(result)
    ours["figures"] |= {"p99 ms at 200/s": at(8), "p99 ms at 50/s": at(4), "p50 ms at 50/s": at(1)}
    bare["figures"] |= {"p99 ms at 50/s": at(2)}
    page = shown(servers_section(result))
    assert page.table("Latency at fixed rates, p99") == [
        ["offered requests/s", "ours", "bare"],
        ["50", "4", "2"],
        ["200", "8", "–"],
    ]
    assert page.table("Latency at fixed rates, p50")[0] == ["offered requests/s", "ours"]
    assert page.table("Medians of each server")[2][-3:] == ["–", "2", "–"]


def test_servers_are_compared_with_each_base(result: Result) -> None:
    bare = measured(result)[1]
    bare["to"]["other"] = {"p50 ms": {"median": 2, "low": 1, "high": 3}}
    page = shown(servers_section(result))
    assert page.table("Compared with ours") == [
        ["", "p50 ms, ratio", "answered/s, ratio"],
        ["bare", "1.250 [1.125, 1.500]", "1.250 [1.125, 1.500]"],
    ]
    assert page.table("Compared with other")[1] == ["bare", "2.000 [1.000, 3.000]"]


def test_what_is_missing_or_partial_is_said(result: Result) -> None:
    texts = [text for _, text in shown(servers_section(result)).all("p")]
    assert texts[-1] == "triton is missing: no wheel for this machine"
    result.content["results"]["interrupted"] = 130
    texts = [text for _, text in shown(servers_section(result)).all("p")]
    assert texts[1].startswith("Partial: it was interrupted. Medians over")


def test_a_figure_of_another_form_is_refused(result: Result) -> None:
    measured(result)[0]["figures"]["p50 ms"] = {"median": 1}
    with pytest.raises(UserError, match=r"servers\.json: is not as this version"):
        servers_section(result)
