"""The report's section on a soak test: latency, memory and drift over time."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.report.parsed import shown
from tests.benchmarks.report.written import a_soak, measurement
from torchferry.benchmarks.load.drift import Drift
from torchferry.benchmarks.report.soak_section import soak_section
from torchferry.benchmarks.report.source import Result, read
from torchferry.errors import UserError


def soak(**change: Any) -> Result:
    nothing: dict[str, Any] = {"drifts": {}, "memory": {"seconds": [], "bytes": []}}
    content = {"measurement": asdict(measurement(100))} | nothing
    return Result(path=Path("soak.json"), verb="soak", content={"results": content | change}, figures={})


def test_latency_and_memory_are_drawn_over_the_minutes(tmp_path: Path) -> None:
    section = soak_section(read([a_soak(tmp_path)]).results[0])
    page = shown(section)
    assert section.title == "Soak of digits"
    assert [row[0] for row in page.table("Latency over time")] == ["minutes", *(f"{at / 60:.3g}" for at in range(20))]
    assert page.table("Memory over time")[1:] == [["0", "100"], ["0.0833", "130"], ["0.167", "160"]]
    assert page.table("Drift")[1:] == [
        ["p50", "too few points", "–", "–", "–"],
        ["memory", "drifts", "100", "160", "+360 [+350, +370]"],
    ]


@pytest.mark.parametrize(
    ("low", "high", "says"), [(0.5, 2, "drifts"), (-2, -0.5, "drifts"), (-1, 2, "no drift"), (0, 2, "no drift")]
)
def test_a_drift_is_one_whose_interval_leaves_out_zero(low: float, high: float, says: str) -> None:
    found = Drift(first=1, last=2, per_hour=1, low=low, high=high)
    assert soak_section(soak(drifts={"p50": asdict(found)})).facts == [("p50 in the soak", says)]


def test_a_window_without_an_answer_has_no_point() -> None:
    measured = measurement(100)
    silent = replace(measured.windows[1], p50_ms=None, p99_ms=None)
    found = replace(measured, windows=[measured.windows[0], silent, measured.windows[2]])
    rows = shown(soak_section(soak(measurement=asdict(found)))).table("Latency over time")[1:]
    assert [row[0] for row in rows] == ["0", "0.0333"]


def test_without_memory_there_is_no_picture_of_it() -> None:
    assert [text for _, text in shown(soak_section(soak())).all("summary")] == ["Data: Latency over time"]


def test_a_file_without_its_memory_is_refused() -> None:
    with pytest.raises(UserError, match=r"soak\.json: is not as this version"):
        soak_section(soak(memory={}))
