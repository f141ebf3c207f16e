"""Some classes are in the test set alone."""

import re
from typing import Any

import numpy as np
import pytest
from torch.utils.data import TensorDataset

from tests.training.data.sources import refusal, source
from torchferry.training.data.source import Source

DIGITS: dict[str, Any] = {"name": "digits", "args": {}}


def classes(of: Source) -> list[set[int]]:
    found = []
    for samples in (of.train, of.test):
        assert isinstance(samples, TensorDataset)
        found.append(set(samples.tensors[1].tolist()))
    return found


def test_they_are_tested_and_never_trained_on() -> None:
    whole, given = source("digits"), source("unseen_classes", source=DIGITS, classes=["8", "3"])
    assert classes(given) == [set(range(10)) - {3, 8}, {3, 8}]
    assert given.labels == whole.labels
    assert isinstance(whole.test, TensorDataset)
    assert given.test_size == int(np.isin(whole.test.tensors[1], [3, 8]).sum())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"source": DIGITS, "classes": ["11"]}, "data.source.args.classes: there is no class '11'"),
        ({"source": DIGITS, "classes": list("0123456789")}, "of 1437 training samples none would be left to train on"),
        ({"source": DIGITS, "classes": []}, "of 1437 training samples none would be held apart"),
        ({"source": {"args": {}}, "classes": ["1"]}, "data.source.args.source: .* is not {name: a source"),
        ({"source": DIGITS | {"args": {"targets": "several"}}, "classes": ["1"]}, "digits gives several, not classes"),
    ],
)
def test_what_leaves_nothing_is_refused(given: dict[str, Any], said: str) -> None:
    assert re.search(said, refusal(lambda: source("unseen_classes", **given)))
