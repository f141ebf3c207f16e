"""Samples with several targets each."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch.utils.data import TensorDataset

from torchferry.training.data.source import Source


class SeveralTargets(TensorDataset):
    """In memory: a sample is (input, targets by name); the tensors are the inputs and then each name's targets."""

    def __init__(self, inputs: torch.Tensor, targets: Mapping[str, torch.Tensor]) -> None:
        super().__init__(inputs, *targets.values())
        self.names = tuple(targets)

    @property
    def targets(self) -> dict[str, torch.Tensor]:
        """Of all samples."""
        return dict(zip(self.names, self.tensors[1:], strict=True))

    def __getitem__(self, index: Any) -> Any:
        input, *targets = super().__getitem__(index)
        return input, dict(zip(self.names, targets, strict=True))

    def part(self, indices: torch.Tensor) -> "SeveralTargets":
        return SeveralTargets(self.tensors[0][indices], {name: each[indices] for name, each in self.targets.items()})


def label_of(target: str, label: str) -> str:
    """A label of one of several targets, as Source.labels has those of all."""
    return f"{target}: {label}"


def part_of(source: Source, target: str) -> Source:
    """What the source says of one of several targets, as if it were the only one; its samples have all of them."""
    prefix, scales = label_of(target, ""), source.target_scale
    return replace(
        source,
        targets=source.parts[target],
        parts={},
        labels=tuple(label.removeprefix(prefix) for label in source.labels if label.startswith(prefix)),
        target_scale=scales.get(target) if isinstance(scales, Mapping) else None,
    )
