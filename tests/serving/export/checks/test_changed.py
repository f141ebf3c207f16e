"""Whole numbers that are others are counted by output, near ties apart."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from tests.serving.deciding import CLEAR, TIED, Deciding
from tests.serving.export.checks.test_independence import reference_of
from torchferry.serving.export.checks.changed import LOOKED_AT, Changed


def shares(rows: Sequence[list[float]], wrong: Sequence[int], batch: int = 1000) -> dict[str, float]:
    given = torch.tensor(rows)
    reference = reference_of(Deciding(), given)
    changed = Changed(reference)
    for start in range(0, len(rows), batch):
        inputs = {"row": given[start : start + batch].numpy()}
        expected = reference.run(inputs)
        answered = expected["scores"].copy()
        here = [each - start for each in wrong if start <= each < start + batch]
        answered[here] = 1 - answered[here]
        changed.add(inputs, {"scores": answered}, expected)
    return changed.shares()


def test_what_is_the_same_is_not_counted() -> None:
    assert shares([CLEAR] * 4, []) == {"scores": 0}


@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_a_clear_decision_that_is_another_is_a_fault_and_a_near_tie_is_none(batch: int) -> None:
    rows = [CLEAR] * 9 + [TIED]
    assert shares(rows, [4], batch) == {"scores": 0.1}
    assert shares(rows, [9], batch) == {"scores": 0}
    assert shares(rows, [4, 9], batch) == {"scores": 0.1}


def test_more_near_ties_than_a_tenth_are_counted() -> None:
    assert shares([CLEAR] * 3 + [TIED] * 2, [3, 4]) == {"scores": 0.4}


def test_of_many_the_share_decides() -> None:
    rows, many = [TIED] * (LOOKED_AT + 4) + [CLEAR] * 980, range(LOOKED_AT + 4)
    assert shares(rows, many) == {"scores": 4 / 1000}


def test_an_answer_of_another_shape_is_another_in_all() -> None:
    reference = reference_of(Deciding(), torch.tensor([CLEAR]))
    changed, inputs = Changed(reference), {"row": np.array([CLEAR, CLEAR], np.float32)}
    expected = reference.run(inputs)
    changed.add(inputs, {"scores": expected["scores"][:1]}, expected)
    assert changed.shares() == {"scores": 1}


def test_numbers_with_a_point_are_not_counted() -> None:
    reference = reference_of(torch.nn.Linear(8, 3))
    changed, inputs = Changed(reference), {"row": np.ones((2, 8), np.float32)}
    outputs = reference.run(inputs)
    changed.add(inputs, {name: values + 1 for name, values in outputs.items()}, outputs)
    assert changed.shares() == {}
