"""The clock of a trainer: it starts after the warm-up and writes the rate of all processes once, from the first."""

import json
import time
from itertools import accumulate, repeat
from pathlib import Path

import pytest
import torch

from benchmarks.training.trainers.stopwatch import Stopwatch
from tests.benchmarks.training.trainers.jobs import a_job, as_one_of


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the result goes; between two looks at the clock there are four seconds."""
    as_one_of(2, monkeypatch)
    monkeypatch.setattr(time, "perf_counter", accumulate(repeat(4.0)).__next__)
    return tmp_path / "result.json"


def run(result: Path, steps: int) -> None:
    """So many of two steps to warm up and three that are timed, 8 samples each; the loss grows."""
    stopwatch = Stopwatch(a_job(result, warmup=2, steps=3))
    for step in range(1, steps + 1):
        stopwatch.step(torch.tensor(float(step), requires_grad=True))


def test_the_rate_is_of_the_timed_steps_alone(result: Path) -> None:
    run(result, 5)
    assert json.loads(result.read_text()) == {"samples_per_second": 3 * 8 / 4.0, "first_loss": 1.0}


def test_nothing_is_written_before_the_last_step(result: Path) -> None:
    run(result, 4)
    assert not result.exists()


def test_only_the_first_process_writes(result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_one_of(2, monkeypatch, rank=1)
    run(result, 5)
    assert not result.exists()
