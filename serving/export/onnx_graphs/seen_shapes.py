"""Shapes that a graph has taken and given, by which an axis of its outputs that varies is known where it is traced."""

from collections.abc import Sequence
from typing import Any

import torch

Shapes = tuple[tuple[int, ...], ...]
MOST = 64
"""Kept; the sizes that an axis is tried at are fewer."""


class SeenShapes:
    def __init__(self) -> None:
        self.calls: dict[tuple[Shapes, Shapes], None] = {}

    def add(self, inputs: Sequence[torch.Tensor], outputs: Sequence[torch.Tensor]) -> None:
        if len(self.calls) < MOST:
            taken, given = (tuple(tuple(each.shape[1:]) for each in tensors) for tensors in (inputs, outputs))
            self.calls.setdefault((taken, given))

    def of_outputs(self, taken: Sequence[torch.Tensor], last: Sequence[torch.Tensor]) -> list[tuple[Any, ...]]:
        """The inner axes, with an input's size for each that varies; `last`: outputs of a call. One that follows none
        of the inputs' has any of theirs: the trace only has to know that it varies."""
        calls = list(self.calls)
        followed = {
            tuple(inputs[number][at] for inputs, _ in calls): each.shape[at + 1]
            for number, each in enumerate(taken)
            for at in range(each.dim() - 1)
            if len({inputs[number][at] for inputs, _ in calls}) > 1
        }
        shapes = []
        for number, output in enumerate(last):
            sizes = [tuple(outputs[number][at] for _, outputs in calls) for at in range(output.dim() - 1)]
            varying = next(iter(followed.values()), None)
            shapes.append(
                tuple(
                    followed.get(own, varying) if len(set(own)) > 1 and followed else output.shape[at + 1]
                    for at, own in enumerate(sizes)
                )
            )
        return shapes
