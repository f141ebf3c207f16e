"""Vectors whose directions alone count."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch

from torchferry.contract.tasks.embedding import Embedding as EmbeddingTask
from torchferry.errors import UserError
from torchferry.training.data.source import Source
from torchferry.training.tasks.class_targets import ClassTargets
from torchferry.training.tasks.fixed_proxies import proxy_losses
from torchferry.training.tasks.task import shapes_of

TINY = 1e-6
"""The least that is divided by, so that zeros stay zeros; float16 has it too."""


class Embedding(ClassTargets):
    """A network gives a vector of any length for each sample, and the graph makes it one of length 1."""

    task: EmbeddingTask
    default_loss = "proxies"
    losses: ClassVar[tuple[str, ...]] = ("proxies",)
    knows_classes = False

    @classmethod
    def check_source(cls, source: Source) -> None:
        super().check_source(source)
        if len(source.labels) < 2:
            raise UserError(f"data.source: has {len(source.labels)} labels; an embedding needs two classes or more")

    def check_outputs(self, given: Any, samples: int) -> None:
        are_vectors = isinstance(given, torch.Tensor) and given.dim() == 2 and len(given) == samples
        if not are_vectors or given.shape[1] < 2:
            found = list(given.shape[1:]) if isinstance(given, torch.Tensor) else type(given).__name__
            raise UserError(f"model: gives {found} per sample, not a vector of two numbers or more; see its args")

    @property
    def loss_args(self) -> Mapping[str, Any]:
        return {"classes": self.loss_width}

    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """From the proxies of `FixedProxies`, whatever is trained with; a class without samples to train on has one
        too, from which nothing was learnt."""
        return proxy_losses(outputs, targets, len(self.task.labels)).sum()

    def answers(self, outputs: torch.Tensor) -> dict[str, torch.Tensor]:
        # Divided twice: the squares of large numbers are beyond float16.
        scaled = outputs / outputs.abs().amax(dim=1, keepdim=True).clamp(min=TINY)
        return {"vector": scaled / scaled.square().sum(dim=1, keepdim=True).sqrt().clamp(min=TINY)}

    def raw(self, answers: Mapping[str, torch.Tensor]) -> torch.Tensor | None:
        """Of which the length does not count; of a model from elsewhere no classes are known, and so no loss."""
        return answers["vector"].double() if self.task.labels else None

    def labels_in(self, given: Any, key: str) -> int:
        if not isinstance(given, torch.Tensor) or given.dim() != 2:
            said = ", ".join(shapes_of(given))
            raise UserError(f"{key}: an embedding is one output of [batch, numbers], not {said}; say --task tensors")
        return 0

    def caption(self, answer: Mapping[str, np.ndarray], truth: Any) -> tuple[str, bool]:  # noqa: ARG002
        """None is a mistake: whether a sample is found takes all others."""
        return " ".join(self.task.labels[int(truth)].split()), False
