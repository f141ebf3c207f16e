"""One label for each sample: of several logits, or by the sign of one."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn import functional

from torchferry.contract.tasks.classes import Classification as ClassificationTask
from torchferry.errors import UserError
from torchferry.training.data.source import Source
from torchferry.training.tasks.class_targets import ClassTargets, read_classes
from torchferry.training.tasks.outputs import check_shape, one_of_scores


class Classification(ClassTargets):
    """A logit, or log probability, for each class."""

    task: ClassificationTask
    default_loss = "cross_entropy"
    losses: ClassVar[tuple[str, ...]] = ("cross_entropy", "nll")
    mixes, behind = True, "softmax"

    @classmethod
    def check_source(cls, source: Source) -> None:
        if source.targets != "classes":
            raise UserError(f"task: data.source gives {source.targets}, not classes; use another task")
        if len(source.labels) < 2:
            raise UserError(f"data.source: has {len(source.labels)} labels; classes are two or more; see task")

    def check_outputs(self, given: Any, samples: int) -> None:
        check_shape(given, samples, self.loss_width, "classes")

    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(outputs, targets, reduction="sum")

    def answers(self, outputs: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"probabilities": outputs.softmax(dim=1)}

    def raw(self, answers: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return answers["probabilities"].double().log()

    def labels_in(self, given: Any, key: str) -> int:
        return one_of_scores(given, key)

    def caption(self, answer: Mapping[str, np.ndarray], truth: Any) -> tuple[str, bool]:
        guess = int(self.task.predicted({name: value[None] for name, value in answer.items()})[0])
        names = (" ".join(self.task.labels[each].split()) for each in (int(truth), guess))
        return "true: {}\npredicted: {}".format(*names), guess != int(truth)


class Binary(Classification):
    """One logit; above 0 it is the second class."""

    takes = "0 or 1"
    default_loss = "bce_with_logits"
    losses: ClassVar[tuple[str, ...]] = ("bce_with_logits",)
    mixes, behind = False, "sigmoid"

    @classmethod
    def check_source(cls, source: Source) -> None:
        super().check_source(source)
        if len(source.labels) != 2:
            raise UserError(f"task: binary takes 2 classes, data.source has {len(source.labels)}; use classification")

    @property
    def loss_width(self) -> int:
        return 1

    def for_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return outputs, targets[:, None].to(outputs.dtype)

    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.binary_cross_entropy_with_logits(*self.for_loss(outputs, targets), reduction="sum")

    def answers(self, outputs: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"probability": outputs.sigmoid()}

    def raw(self, answers: Mapping[str, torch.Tensor]) -> torch.Tensor:
        # A probability near 1 has its digits in what it lacks.
        return answers["probability"].double().logit(eps=1e-15)

    def read_targets(self, given: np.ndarray, what: str) -> np.ndarray:
        are_given = given.dtype.kind in "biuf" and bool(np.isin(given, (0, 1)).all())
        return read_classes(given, are_given, "0 and 1", what)

    def labels_in(self, given: Any, key: str) -> int:
        if (scores := one_of_scores(given, key)) != 1:
            raise UserError(f"{key}: needs one logit for each sample; the model gives {scores}")
        return 2
