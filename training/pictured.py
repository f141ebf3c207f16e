"""Picks the test samples that a report pictures: the same at any number of ranks, in bounded memory."""

from collections.abc import Mapping, Sequence

import numpy as np

PICTURED_MISTAKES = 16
PICTURED_RIGHT = 16

ByClass = dict[int, list[int]]
"""Of each true class the numbers of its first samples, ascending."""


class Pictured:
    """Of every class keeps the first few mistakes, and as many of those that were right."""

    def __init__(self) -> None:
        self.mistakes: ByClass = {}
        self.right: ByClass = {}

    def add(self, indices: np.ndarray, truth: np.ndarray, mistaken: np.ndarray) -> None:
        """A batch: its classes, int64 [samples], and bool [samples]; a rank's batches come in the order of their
        indices, int64 [samples]."""
        for kept, most, which in (
            (self.mistakes, PICTURED_MISTAKES, mistaken),
            (self.right, PICTURED_RIGHT, ~mistaken),
        ):
            # So that no sample of a class that has enough is looked at one by one.
            full = [label for label, found in kept.items() if len(found) >= most]
            which = which & ~np.isin(truth, full)
            for label, index in zip(truth[which].tolist(), indices[which].tolist(), strict=True):
                if len(found := kept.setdefault(label, [])) < most:
                    found.append(index)


def merged(ranks: Sequence[ByClass], most: int) -> ByClass:
    """The first of all ranks' together."""
    labels = sorted({label for rank in ranks for label in rank})
    return {label: sorted(index for rank in ranks for index in rank.get(label, ()))[:most] for label in labels}


def spread(by_class: Mapping[int, Sequence[int]], count: int) -> list[int]:
    """`count` samples, or all if there are fewer, as evenly over the classes as can be; ascending.

    Where there are more classes than places, from classes at even distances.
    """
    labels = sorted(by_class)
    if len(labels) > count:
        labels = [labels[place * len(labels) // count] for place in range(count)]
    shares = dict.fromkeys(labels, 0)
    left = count
    while left and (hungry := [label for label in labels if shares[label] < len(by_class[label])]):
        for label in hungry[:left]:
            shares[label] += 1
        left -= len(hungry[:left])
    return sorted(index for label in labels for index in by_class[label][: shares[label]])
