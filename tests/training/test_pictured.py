"""Test samples for pictures: spread over the classes, in bounded memory, the same at any number of ranks."""

import numpy as np
import pytest

from torchferry.training.pictured import PICTURED_MISTAKES, PICTURED_RIGHT, ByClass, Pictured, merged, spread


def chosen(predicted: np.ndarray, truth: np.ndarray, ranks: int, batch: int = 7) -> tuple[list[int], list[int]]:
    everyone = []
    for rank in range(ranks):
        mine = np.arange(rank, len(truth), ranks)
        pictured = Pictured()
        for part in np.split(mine, range(batch, len(mine), batch)):
            pictured.add(part, truth[part], truth[part] != predicted[part])
        everyone.append(pictured)
    mistakes, right = ([getattr(each, name) for each in everyone] for name in ("mistakes", "right"))
    return (
        spread(merged(mistakes, PICTURED_MISTAKES), PICTURED_MISTAKES),
        spread(merged(right, PICTURED_RIGHT), PICTURED_RIGHT),
    )


@pytest.mark.parametrize("classes", [2, 10, 1000])
def test_the_same_samples_at_any_number_of_ranks(classes: int) -> None:
    truth, predicted = np.random.default_rng(classes).integers(classes, size=(2, 3000))
    alone = chosen(predicted, truth, 1)
    for ranks in (2, 4):
        assert chosen(predicted, truth, ranks) == alone
    mistakes, right = alone
    assert all(truth[index] != predicted[index] for index in mistakes)
    assert all(truth[index] == predicted[index] for index in right)
    assert len(mistakes) == PICTURED_MISTAKES
    assert len({int(truth[index]) for index in mistakes}) == min(classes, PICTURED_MISTAKES)


def test_no_more_is_kept_of_a_class_than_could_be_shown() -> None:
    pictured = Pictured()
    for start in range(0, 1000, 100):
        numbers = np.arange(start, start + 100)
        pictured.add(numbers, numbers % 2, numbers % 2 == 1)
    assert pictured.right == {0: list(range(0, 2 * PICTURED_RIGHT, 2))}
    assert pictured.mistakes == {1: list(range(1, 2 * PICTURED_MISTAKES, 2))}


@pytest.mark.parametrize(
    ("by_class", "count", "found"),
    [
        ({}, 4, []),
        ({0: [1, 2], 3: [5]}, 4, [1, 2, 5]),
        ({0: [1, 2, 3, 4, 5], 1: [9], 2: [7, 8]}, 6, [1, 2, 3, 7, 8, 9]),
        ({0: [8, 9], 1: [1, 2]}, 2, [1, 8]),
        ({label: [100 - label] for label in range(8)}, 4, [94, 96, 98, 100]),
    ],
)
def test_places_are_shared_out_as_evenly_as_can_be(by_class: ByClass, count: int, found: list[int]) -> None:
    assert spread(by_class, count) == found


def test_the_first_of_all_ranks_are_kept() -> None:
    assert merged([{0: [4, 8]}, {0: [1, 5], 2: [3]}, {}], 3) == {0: [1, 4, 5], 2: [3]}
