"""The clock of a trainer: it starts after the warm-up and writes the rate of all processes once, from the first."""

import json
import time
from pathlib import Path

import pytest
import torch

from tests.benchmarks.training.trainers.jobs import a_job, as_one_of
from torchferry.benchmarks.training.trainers.stopwatch import Stopwatch

WARMUP, TIMED = [100.0, 50.0], [1.0, 2.0, 3.0]  # seconds of each step


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the result goes."""
    as_one_of(2, monkeypatch)
    return tmp_path / "result.json"


def run(result: Path, steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many of the steps, 8 samples each; the loss grows."""
    stopwatch, seconds = Stopwatch(a_job(result, warmup=len(WARMUP), steps=len(TIMED))), [*WARMUP, *TIMED]
    for step in range(1, steps + 1):
        monkeypatch.setattr(time, "perf_counter", lambda step=step: sum(seconds[:step]))
        stopwatch.step(torch.tensor(float(step), requires_grad=True))


def test_the_rate_is_of_the_timed_steps_alone(result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(result, 5, monkeypatch)
    assert json.loads(result.read_text()) == {"samples_per_second": 3 * 8 / 6.0, "first_loss": 1.0}


def test_nothing_is_written_before_the_last_step(result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(result, 4, monkeypatch)
    assert not result.exists()


def test_only_the_first_process_writes(result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_one_of(2, monkeypatch, rank=1)
    run(result, 5, monkeypatch)
    assert not result.exists()
