"""A loop without a server: its samples go in turn, and the rates of several loops add up."""

import io
import json
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.benchmarks.servers.jobs import PIXELS, a_job
from torchferry.benchmarks.servers.apps.bare_loop import figures, loop, main


class Session:
    """Keeps what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def run(self, names: list[str], inputs: Any) -> None:
        assert names == ["pixels"]
        self.asked.append(inputs)


def test_samples_go_in_turn_until_the_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "perf_counter", map(float, count(10)).__next__)
    session, samples = Session(), [{"image": np.array([number])} for number in range(2)]
    assert loop(session, ["pixels"], samples, 3) == [1, 1, 1]
    assert [inputs["image"].item() for inputs in session.asked] == [0, 1, 0]


def test_the_rate_of_each_loop_counts_also_where_one_ends_later() -> None:
    assert figures([[0.5, 0.5], [0.25, 0.25, 0.25]]) == {"p50_ms": 250, "p99_ms": 500, "rate": 6, "requests": 5}


def test_it_says_its_golden_outputs_and_then_a_line_for_each_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    job = a_job(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("0.001\n0.001\n"))
    main(str(job.model), "1", "2", str(job.tensors), str(job.bundle.verified("golden/inputs.npz")))
    golden, *found = map(json.loads, capsys.readouterr().out.splitlines())
    assert golden == {"pixels": PIXELS.tolist()}
    assert [one.keys() for one in found] == [{"p50_ms", "p99_ms", "rate", "requests"}] * 2
    assert min(one["requests"] for one in found) >= 2  # one of each loop
