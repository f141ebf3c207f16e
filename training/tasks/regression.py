"""The values themselves, or scaled ones that the model scales back."""

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch.nn import functional

from torchferry.contract.tasks.regression import Regression as RegressionTask
from torchferry.errors import UserError
from torchferry.training.data.source import Source, TargetScale
from torchferry.training.tasks.outputs import check_shape, found_of, one_of_scores
from torchferry.training.tasks.task import TrainingTask


class Regression(TrainingTask):
    """Where the task has a scale, losses, in training and of the test set, are of scaled values, and all else is in the
    targets' own units."""

    task: RegressionTask
    targets, takes = "values", "values"
    default_loss = "mse"
    losses: ClassVar[tuple[str, ...]] = ("mse", "l1", "huber")

    @classmethod
    def check_source(cls, source: Source) -> None:
        if source.targets != "values":
            raise UserError(f"task: regression takes float targets, data.source gives {source.targets}; use another")

    @classmethod
    def from_source(cls, source: Source) -> Mapping[str, Any]:
        scale = source.target_scale
        return {"mean": scale.mean, "std": scale.std} if isinstance(scale, TargetScale) else {}

    @property
    def target_scale(self) -> TargetScale | None:
        return TargetScale(mean=self.task.mean, std=self.task.std) if self.task.mean else None

    def check_outputs(self, given: Any, samples: int) -> None:
        check_shape(given, samples, self.loss_width, "values")

    @property
    def loss_width(self) -> int:
        return len(self.task.labels)

    def for_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # Autocast's halves are given targets in float32, as torch's own losses want them.
        return outputs, self._scaled(targets).to(torch.promote_types(outputs.dtype, torch.float32))

    def blank_targets(self, samples: int) -> torch.Tensor:
        return torch.tensor([self.task.mean] * samples) if self.task.mean else torch.zeros(samples, self.loss_width)

    def varied_targets(self, samples: int, random: torch.Generator) -> torch.Tensor:
        return torch.randn(samples, self.loss_width, generator=random)

    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        losses = functional.mse_loss(*self.for_loss(self._scaled(outputs), targets), reduction="none")
        return losses.mean(dim=1).sum()

    def answers(self, outputs: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"values": outputs}

    def raw(self, answers: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return answers["values"]

    def wrong_targets(self, targets: torch.Tensor) -> tuple[int, str] | None:
        # Of another shape the loss would be of every target with every output.
        if tuple(targets.shape[1:]) == (self.loss_width,) and targets.is_floating_point():
            return None
        return 0, f"has a target of {found_of(targets)}; it is a float for each of {self.loss_width} labels"

    def read_targets(self, given: np.ndarray, what: str) -> np.ndarray:
        if given.dtype.kind not in "iuf" or given.ndim not in (1, 2) or not np.isfinite(given).all():
            raise UserError(
                f"{what} is {given.dtype} {list(given.shape)}; finite numbers are expected, one row a sample"
            )
        return given.reshape(len(given), -1).astype(np.float64)

    def labels_in(self, given: Any, key: str) -> int:
        return one_of_scores(given, key)

    def caption(self, answer: Mapping[str, np.ndarray], truth: Any) -> tuple[str, bool]:
        """Of the first value; none is a mistake."""
        return f"true: {np.ravel(truth)[0]:.3g}\npredicted: {answer['values'][0]:.3g}", False

    def _scaled(self, values: torch.Tensor) -> torch.Tensor:
        """From the targets' own units to what the network learns, in float64; as they are if nothing is scaled."""
        if not self.task.mean:
            return values
        return (values.double() - _on(self.task.mean, values.device)) / _on(self.task.std, values.device)


@cache
def _on(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    """float64 [values]; copied to the device once, because a step would wait for it."""
    return torch.tensor(values, dtype=torch.float64, device=device)
