"""What a network's outputs mean, and how they are judged."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

import torch
from torch.nn import functional
from torch.utils.data import TensorDataset
from torchmetrics import MeanAbsoluteError, MeanSquaredError, MetricCollection, R2Score
from torchmetrics.classification import BinaryAUROC, BinaryConfusionMatrix, MulticlassConfusionMatrix

from training.data.source import Source
from training.errors import UserError


class Task(ABC):
    """A network's outputs are float [samples, outputs]; targets are as the source gives them."""

    default_loss: str
    outputs_are: str = "classes"
    targets: str
    """What its losses take beside the outputs, in words."""
    headline: str
    """The value that a line about the run names; higher is better, and it decides which checkpoint is best."""

    @abstractmethod
    def outputs(self, source: Source) -> int:
        """How many numbers the network gives for a sample. Raises UserError for data of another task."""

    def for_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Both in the shape and dtype that the task's losses take."""
        return outputs, targets

    def blank_targets(self, samples: int, outputs: int) -> torch.Tensor:  # noqa: ARG002
        """As a source gives them."""
        return torch.zeros(samples, dtype=torch.int64)

    @abstractmethod
    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Summed over the samples; the same whatever loss is trained with."""

    @abstractmethod
    def predicted(self, outputs: torch.Tensor) -> torch.Tensor:
        """The classes, int64 [samples], or the values, float32 [samples, outputs]."""

    @abstractmethod
    def metrics(self, outputs: int) -> MetricCollection:
        """What is accumulated on every rank and reduced once."""

    def update(self, metrics: MetricCollection, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        metrics.update(outputs, targets)

    @abstractmethod
    def values(self, computed: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """What the metrics gave, as named numbers."""


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

    def metrics(self, outputs: int) -> MetricCollection:
        return MetricCollection({"confusion": MulticlassConfusionMatrix(outputs, validate_args=False)})

    def values(self, computed: Mapping[str, torch.Tensor]) -> dict[str, float]:
        return {"accuracy": _accuracy(computed["confusion"])}


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

    def metrics(self, outputs: int) -> MetricCollection:  # noqa: ARG002
        return MetricCollection({"confusion": BinaryConfusionMatrix(), "auroc": BinaryAUROC()})

    def update(self, metrics: MetricCollection, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        metrics.update(outputs[:, 0].sigmoid(), targets)

    def values(self, computed: Mapping[str, torch.Tensor]) -> dict[str, float]:
        return {"accuracy": _accuracy(computed["confusion"]), "auroc": computed["auroc"].item()}


class Regression(Task):
    """The values themselves. R2 is averaged over the outputs."""

    default_loss, headline, targets, outputs_are = "mse", "r2", "values", "values"

    def outputs(self, source: Source) -> int:
        if isinstance(source.train, TensorDataset) and source.train.tensors[1].dim() != 2:
            raise UserError("task: regression takes float targets, data.source gives classes; use classification")
        return len(source.labels)

    def blank_targets(self, samples: int, outputs: int) -> torch.Tensor:
        return torch.zeros(samples, outputs)

    def test_loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.mse_loss(outputs, targets, reduction="none").mean(dim=1).sum()

    def predicted(self, outputs: torch.Tensor) -> torch.Tensor:
        return outputs

    def metrics(self, outputs: int) -> MetricCollection:  # noqa: ARG002
        # In float64, because R2 is a small difference of large sums.
        metrics = {"r2": R2Score(), "mae": MeanAbsoluteError(), "mse": MeanSquaredError()}
        return MetricCollection({name: metric.set_dtype(torch.float64) for name, metric in metrics.items()})

    def update(self, metrics: MetricCollection, outputs: torch.Tensor, targets: torch.Tensor) -> None:
        metrics.update(outputs.double(), targets.double())

    def values(self, computed: Mapping[str, torch.Tensor]) -> dict[str, float]:
        r2, mae, mse = (computed[name].item() for name in ("r2", "mae", "mse"))
        return {"r2": r2, "mae": mae, "rmse": mse**0.5}


TASKS: dict[str, Task] = {"classification": Classification(), "binary": Binary(), "regression": Regression()}


def _needs_classes(source: Source) -> None:
    if isinstance(source.train, TensorDataset) and source.train.tensors[1].is_floating_point():
        raise UserError("task: data.source gives float targets, not classes; use regression")
    if len(source.labels) < 2:
        raise UserError(f"data.source: has {len(source.labels)} labels; classes are two or more; see task")


def _accuracy(confusion: torch.Tensor) -> float:
    return confusion.diag().sum().item() / max(1, int(confusion.sum().item()))
