"""Answers and targets that are drawn, and what is true of the metrics of any task."""

from typing import Any

import numpy as np
import pytest

from torchferry.contract.tasks.task import Arrays, Task


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-logits)))


def part(rows: Arrays, which: Any) -> Arrays:
    return {name: values[which] for name, values in rows.items()}


def check_parts(task: Task, rows: Arrays, samples: int) -> None:
    """Sums of three shares, one of them empty, are those of the whole."""
    whole = task.sums(rows)
    shares = [task.sums(part(rows, which)) for which in (slice(0, 0), slice(0, 7), slice(7, samples))]
    for name, value in whole.items():
        assert all(share[name].shape == value.shape for share in shares), name
        assert value.dtype == np.float64, name
        assert sum(share[name] for share in shares) == pytest.approx(value, rel=1e-12, nan_ok=True), name


def check_score(task: Task, rows: Arrays, samples: int) -> None:
    """The headline of rows that are drawn again is that of the rows, repeated."""
    times = np.random.default_rng(5).integers(0, 4, samples)
    repeated = part(rows, np.repeat(np.arange(samples), times))
    assert task.score(rows, times) == pytest.approx(task.measure(repeated)[task.headline], rel=1e-9)
    assert task.score(rows) == pytest.approx(task.measure(rows)[task.headline], rel=1e-9)
