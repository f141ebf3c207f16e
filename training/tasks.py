"""Tasks: the meaning of a network's outputs, and metrics as sums over samples, which any number of ranks can add."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache

import torch
from torch.nn import functional

from torchferry.errors import UserError
from torchferry.training.data.source import Source, TargetScale


class Task(ABC):
    """A network's outputs are float [samples, outputs]; targets are as the source gives them."""

    default_loss: str
    outputs_are: str = "classes"
    targets: str
    """What its losses take beside the outputs, in words."""
    headline: str
    """The value that a line about the run names; higher is better, and it decides which checkpoint is best."""

    def of(self, scale: TargetScale | None) -> "Task":  # noqa: ARG002
        """The task where the network learns scaled targets."""
        return self

    @abstractmethod
    def outputs(self, source: Source) -> int:
        """How many numbers the network gives for a sample. Raises UserError for data of another task."""

    def for_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What a network gives in training, and targets, in the shape and dtype that the task's losses take."""
        return outputs, targets

    def blank_targets(self, samples: int, outputs: int) -> torch.Tensor:  # noqa: ARG002
        """As a source gives them."""
        return torch.zeros(samples, dtype=torch.int64)

    def varied_targets(self, samples: int, outputs: int, random: torch.Generator) -> torch.Tensor:
        """As a source gives them, in random order, with every class among them if there are as many samples."""
        return torch.randperm(samples, generator=random) % max(2, outputs)

    @abstractmethod
    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Summed over the samples; the same whatever loss is trained with."""

    @abstractmethod
    def predicted(self, outputs: torch.Tensor) -> torch.Tensor:
        """The classes, int64 [samples], or the values, float [samples, outputs]."""

    @abstractmethod
    def sums(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """float64, of one shape for any number of samples: what is added up over the test set."""

    @abstractmethod
    def values(self, sums: torch.Tensor, samples: int) -> dict[str, float]:
        """Named numbers from the sums over all of it."""

    def confusion(self, sums: torch.Tensor) -> torch.Tensor | None:  # noqa: ARG002
        """int64 [classes, classes], row the true class, column the predicted one; None without classes."""
        return None


class Classification(Task):
    """A logit, or log probability, for each class."""

    default_loss, headline, targets = "cross_entropy", "accuracy", "classes"

    def outputs(self, source: Source) -> int:
        _needs_classes(source)
        return len(source.labels)

    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(outputs, targets, reduction="sum")

    def predicted(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs.argmax(dim=1)

    def sums(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return _confusion(self.predicted(outputs), targets, outputs.shape[1])

    def values(self, sums: torch.Tensor, samples: int) -> dict[str, float]:
        return {"accuracy": sums.diag().sum().item() / samples}

    def confusion(self, sums: torch.Tensor) -> torch.Tensor:
        return sums.long()


class Binary(Task):
    """One logit; above 0 it is the second class."""

    default_loss, headline, targets = "bce_with_logits", "accuracy", "0 or 1"

    def outputs(self, source: Source) -> int:
        _needs_classes(source)
        if len(source.labels) != 2:
            raise UserError(f"task: binary takes 2 classes, data.source has {len(source.labels)}; use classification")
        return 1

    def for_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return outputs, targets[:, None].to(outputs.dtype)

    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.binary_cross_entropy_with_logits(*self.for_loss(outputs, targets), reduction="sum")

    def predicted(self, outputs: torch.Tensor) -> torch.Tensor:
        return (outputs[:, 0] > 0).long()

    def sums(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return _confusion(self.predicted(outputs), targets, 2)

    def values(self, sums: torch.Tensor, samples: int) -> dict[str, float]:
        found = sums[1, 1].item()
        return {
            "accuracy": sums.diag().sum().item() / samples,
            "precision": found / max(1.0, sums[:, 1].sum().item()),
            "recall": found / max(1.0, sums[1].sum().item()),
        }

    def confusion(self, sums: torch.Tensor) -> torch.Tensor:
        return sums.long()


@dataclass(frozen=True)
class Regression(Task):
    """The values themselves. R2 is averaged over the outputs.

    With a `scale` losses, in training and of the test set, are of scaled values, and all else is in the targets' own
    units.
    """

    default_loss, headline, targets, outputs_are = "mse", "r2", "values", "values"
    scale: TargetScale | None = None

    def of(self, scale: TargetScale | None) -> "Regression":
        return Regression(scale)

    def outputs(self, source: Source) -> int:
        if source.targets != "values":
            raise UserError("task: regression takes float targets, data.source gives classes; use classification")
        return len(source.labels)

    def for_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        # Autocast's halves are given targets in float32, as torch's own losses want them.
        return outputs, self._scaled(targets).to(torch.promote_types(outputs.dtype, torch.float32))

    def blank_targets(self, samples: int, outputs: int) -> torch.Tensor:
        return torch.zeros(samples, outputs) if self.scale is None else torch.tensor([self.scale.mean] * samples)

    def varied_targets(self, samples: int, outputs: int, random: torch.Generator) -> torch.Tensor:
        return torch.randn(samples, outputs, generator=random)

    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        losses = functional.mse_loss(*self.for_loss(self._scaled(outputs), targets), reduction="none")
        return losses.mean(dim=1).sum()

    def predicted(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs

    def sums(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """[4, outputs]: of |error|, error², target, target²; scaled targets less their mean."""
        truth = targets.double()
        error = outputs.double() - truth
        if self.scale is not None:  # or the squares of large targets would lose the digits in which these differ
            truth = truth - _on(self.scale.mean, targets.device)
        return torch.stack([error.abs(), error**2, truth, truth**2]).sum(dim=1)

    def values(self, sums: torch.Tensor, samples: int) -> dict[str, float]:
        absolute, squared, truth, truth_squared = sums
        spread = truth_squared - truth**2 / samples
        r2 = torch.where(spread > 0, 1 - squared / spread, torch.nan).mean().item()
        return {
            "r2": r2,
            "mae": (absolute / samples).mean().item(),
            "rmse": (squared / samples).mean().sqrt().item(),
        }

    def _scaled(self, values: torch.Tensor) -> torch.Tensor:
        """From the targets' own units to what the network learns, in float64; as they are if nothing is scaled."""
        if self.scale is None:
            return values
        return (values.double() - _on(self.scale.mean, values.device)) / _on(self.scale.std, values.device)


TASKS: dict[str, Task] = {"classification": Classification(), "binary": Binary(), "regression": Regression()}


@cache
def _on(values: tuple[float, ...], device: torch.device) -> torch.Tensor:
    """float64 [values]; copied to the device once, because a step would wait for it."""
    return torch.tensor(values, dtype=torch.float64, device=device)


def _needs_classes(source: Source) -> None:
    if source.targets != "classes":
        raise UserError("task: data.source gives float targets, not classes; use regression")
    if len(source.labels) < 2:
        raise UserError(f"data.source: has {len(source.labels)} labels; classes are two or more; see task")


def _confusion(predicted: torch.Tensor, targets: torch.Tensor, classes: int) -> torch.Tensor:
    counts = torch.bincount(targets * classes + predicted, minlength=classes**2)
    return counts.view(classes, classes).double()
