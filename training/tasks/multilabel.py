"""A logit for each label, each apart."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn import functional

from torchferry.contract.tasks.multilabel import Multilabel as MultilabelTask
from torchferry.errors import UserError
from torchferry.training.tasks.outputs import check_shape, found_of, one_of_scores
from torchferry.training.tasks.task import TrainingTask


class Multilabel(TrainingTask):
    task: MultilabelTask
    targets, takes = "labels", "0 or 1 for each label"
    default_loss = "bce_with_logits"
    losses: ClassVar[tuple[str, ...]] = ("bce_with_logits",)
    behind = "sigmoid"

    def check_outputs(self, given: Any, samples: int) -> None:
        check_shape(given, samples, self.loss_width, "labels")

    @property
    def loss_width(self) -> int:
        return len(self.task.labels)

    def for_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return outputs, targets.to(outputs.dtype)

    def blank_targets(self, samples: int) -> torch.Tensor:
        return torch.zeros(samples, self.loss_width, dtype=torch.uint8)

    def varied_targets(self, samples: int, random: torch.Generator) -> torch.Tensor:
        return torch.randint(0, 2, (samples, self.loss_width), generator=random, dtype=torch.uint8)

    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        losses = functional.binary_cross_entropy_with_logits(*self.for_loss(outputs, targets), reduction="none")
        return losses.mean(dim=1).sum()

    def answers(self, outputs: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"probabilities": outputs.sigmoid()}

    def raw(self, answers: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return answers["probabilities"].double().logit(eps=1e-15)

    def wrong_targets(self, targets: torch.Tensor) -> tuple[int, str] | None:
        if tuple(targets.shape[1:]) != (self.loss_width,):
            return 0, f"has a target of {found_of(targets)}; it is 0 or 1 for each of {self.loss_width} labels"
        wrong = ((targets != 0) & (targets != 1)).any(dim=1).nonzero()
        return (int(wrong[0]), "has a target that is neither 0 nor 1") if len(wrong) else None

    def lacking(self, targets: torch.Tensor) -> frozenset[str]:
        return frozenset() if bool(targets.any()) else frozenset({"a label"})

    def read_targets(self, given: np.ndarray, what: str) -> np.ndarray:
        if given.ndim != 2 or given.dtype.kind not in "biuf" or not np.isin(given, (0, 1)).all():
            shape = list(given.shape)
            raise UserError(f"{what} is {given.dtype} {shape}; 0 and 1 are expected, [samples, labels]")
        return given.astype(np.uint8)

    def labels_in(self, given: Any, key: str) -> int:
        return one_of_scores(given, key)

    def caption(self, answer: Mapping[str, np.ndarray], truth: Any) -> tuple[str, bool]:
        given = set(self.task.words(answer, 0)["labels"])
        true = {label for label, is_true in zip(self.task.labels, truth, strict=True) if is_true}
        said = (", ".join(label for label in self.task.labels if label in each) or "none" for each in (true, given))
        return "true: {}\npredicted: {}".format(*said), true != given
