"""A trainer's job for tests, and the environment variables that torchrun sets."""

from pathlib import Path
from typing import Any

import pytest

from torchferry.benchmarks.training.trainers.job import Job


def a_job(result: Path, **change: Any) -> Job:
    usual: dict[str, Any] = {
        "model": "digits",
        "batch_size": 8,
        "warmup": 1,
        "steps": 2,
        "result": result,
        "precision": "fp32",
        "channels_last": False,
        "compile": False,
        "samples": None,
    }
    return Job(**usual | change)


def as_one_of(size: int, monkeypatch: pytest.MonkeyPatch, rank: int = 0) -> None:
    """All of them on this machine."""
    for name, value in (("WORLD_SIZE", size), ("LOCAL_WORLD_SIZE", size), ("RANK", rank), ("LOCAL_RANK", rank)):
        monkeypatch.setenv(name, str(value))
