"""Measurements for a terminal: a line for each, with what is wrong with it at its end."""

from typing import Any

import pytest

from tests.benchmarks.report.written import measurement
from torchferry.benchmarks.load.table import table

PERCENTILES = {"p50": 1.234, "p90": 2.0, "p99": 30.0, "p99.9": 400.0}


def test_each_measurement_is_a_line_below_the_heads() -> None:
    opened = measurement(1500, percentiles_ms=PERCENTILES, achieved_rate=1499.5)
    lines = table([opened, measurement(None)]).splitlines()
    assert len(lines) == 3
    assert " ".join(lines[0].split()) == "model protocol load answered/s p50 ms p90 ms p99 ms p99.9 ms requests"
    assert " ".join(lines[1].split()) == "digits rest-binary 1,500/s 1,499.5 1.23 2.00 30.00 400.00 2,000"
    assert "closed, 4" in lines[2]
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize(
    ("changes", "remark"),
    [
        ({"interrupted": 130}, "PARTIAL"),
        ({"void": "a reason"}, "VOID: a reason"),
        ({"saturated": True}, "saturated"),
        ({"saturated": True, "void": "a reason"}, "VOID: a reason"),
        ({"outcomes": {"ok": 1, "HTTP 503": 1200, "no answer": 2}}, "1,200 x HTTP 503, 2 x no answer"),
        (
            {"interrupted": 143, "void": "a reason", "outcomes": {"no answer": 2}},
            "PARTIAL; VOID: a reason; 2 x no answer",
        ),
    ],
)
def test_what_is_wrong_stands_at_the_end(changes: dict[str, Any], remark: str) -> None:
    line = table([measurement(50, **changes)]).splitlines()[1]
    assert line == table([measurement(50)]).splitlines()[1] + f"  {remark}"
