"""The half of a task that needs torch: a network's raw outputs and a sample's targets, its losses, what the graph makes
of raw outputs, and what is drawn."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.utils import _pytree as pytree

from torchferry.contract.tasks.find import made
from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError
from torchferry.training.data.source import Source, TargetScales

Raw = Any
"""What a network gives for a batch: a tensor, or tensors in dictionaries and tuples."""
Targets = Any
"""Of a batch, as a source gives them for a sample and `batched` puts them together: likewise."""


class TrainingTask(ABC):
    targets: ClassVar[str]
    """What a source has to give: its own word for them, Source.targets."""
    takes: ClassVar[str]
    """What the losses take beside the outputs, in words."""
    default_loss: ClassVar[str]
    losses: ClassVar[tuple[str, ...]] = ()
    """Those of trainer.losses.LOSSES that fit, the default among them."""
    behind: ClassVar[str] = ""
    """The function that makes probabilities of what a network gives, where that are logits: softmax or sigmoid."""
    mixes: ClassVar[bool] = False
    """Whether blends of two samples have targets too: shares of their classes."""

    def __init__(self, task: Task) -> None:
        self.task = task

    @classmethod
    def of(cls, kind: type[Task], settings: Mapping[str, Any], source: Source) -> "TrainingTask":
        """For the samples of a source. Raises UserError for data of another task."""
        cls.check_source(source)
        if said := next((name for name in kind.of_data if name in settings), None):
            raise UserError(f"task.args.{said}: the data decide it; leave it out")
        return cls(made(kind, {**settings, **cls.from_source(source)}, source.labels))

    @classmethod
    def check_source(cls, source: Source) -> None:
        """Raises UserError for targets that are not the task's."""
        if source.targets != cls.targets:
            raise UserError(f"task: takes {cls.targets}, data.source gives {source.targets}; see torchferry describe")

    def judged_by(self, source: Source) -> "TrainingTask":
        """The same for the samples of a source, which a network from elsewhere was not trained on. Raises UserError for
        data of another task."""
        self.check_source(source)
        return self

    @classmethod
    def from_source(cls, source: Source) -> Mapping[str, Any]:  # noqa: ARG003
        """Settings that the data decide."""
        return {}

    @property
    def halves(self) -> "Mapping[str, TrainingTask]":
        """Those of the parts that the task is made of, each with outputs, targets and a loss of its own."""
        return {}

    @property
    def moves(self) -> bool:
        """Whether a sample's target lies in its picture, so that augmentations move it too; see `marked`."""
        return False

    @property
    def target_scale(self) -> TargetScales | None:
        """What the model scales the network's outputs back by in evaluation; None where they are as they come."""
        return None

    @abstractmethod
    def check_outputs(self, given: Raw, samples: int) -> None:
        """Raises UserError where the network gives something else than the task takes."""

    @property
    @abstractmethod
    def loss_width(self) -> int:
        """How many weights a loss can have, one for each class or value."""

    @property
    def loss_args(self) -> Mapping[str, Any]:
        """Arguments that those of `losses` need unless the recipe gives them."""
        return {}

    def for_loss(self, outputs: Raw, targets: Targets) -> tuple[Raw, Targets]:
        """What a network gives in training, and targets, in the shape and dtype that the task's losses take."""
        return outputs, targets

    def whole_loss(self, loss: nn.Module) -> nn.Module:
        """The loss of all that `for_loss` gives, from that of what the network answers."""
        return loss

    @abstractmethod
    def blank_targets(self, samples: int) -> Targets:
        """Some that are legal, as a source gives them."""

    @abstractmethod
    def varied_targets(self, samples: int, random: torch.Generator) -> Targets:
        """As a source gives them, different ones; with every class among them if there are as many samples."""

    @abstractmethod
    def test_loss(self, outputs: Raw, targets: Targets) -> torch.Tensor:
        """Summed over the samples; the same whatever loss is trained with."""

    @abstractmethod
    def answers(self, outputs: Raw) -> dict[str, torch.Tensor]:
        """What the graph gives, by the task's names, of what the network gives in evaluation. It is traced."""

    def graph(self, outputs: Raw) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """The answers in the order of the task's outputs; one alone is no tuple."""
        given = self.answers(outputs)
        values = tuple(given[name] for name in self.task.outputs)
        return values[0] if len(values) == 1 else values

    def raw(self, answers: Mapping[str, torch.Tensor]) -> Raw | None:  # noqa: ARG002
        """What the network gave for these answers, in float64; None where that cannot be known."""
        return None

    def wrong_targets(self, targets: Targets) -> tuple[int, str] | None:  # noqa: ARG002
        """The first sample of a batch whose target cannot be, and what is wrong with it; None where all can."""
        return None

    def lacking(self, targets: Targets) -> frozenset[str]:  # noqa: ARG002
        """In words, what none of these samples has and something has to be learnt or judged by."""
        return frozenset()

    def batched(self, targets: list[Any]) -> Targets:
        """Of single samples."""
        return torch.stack([torch.as_tensor(target) for target in targets])

    def of_tensors(self, held: list[torch.Tensor]) -> Targets:
        """Of a batch of a data set in memory, whose first tensor is the input: the others."""
        return held[0]

    @property
    def fill(self) -> int:
        """What a mask has where a transform moves nothing to."""
        return 0

    def taken(self, targets: Targets, place: int) -> Any:
        """The target of one sample of a batch."""
        return pytree.tree_map(lambda value: value[place], targets)

    def marked(self, target: Any) -> Any:
        """Of a task that `moves`: one sample's target with masks and boxes as torchvision's tv_tensors, which its
        transforms move together with the picture."""
        raise NotImplementedError

    def unmarked(self, moved: Any) -> Any:
        """As the source gives it, of what transforms have made of `marked`; what has left the picture is gone."""
        raise NotImplementedError

    def read_targets(self, given: np.ndarray, what: str) -> np.ndarray:
        """Of a user's file of arrays, as a source gives them. Raises UserError, with `what` the array is."""
        shape = list(given.shape)
        raise UserError(f"{what}: is {given.dtype} {shape}; this task takes no arrays of targets: leave them out")

    knows_classes: ClassVar[bool] = True
    """Whether samples that a network is judged on have classes of its labels, and of no others."""

    def picked(self, given: Any) -> Raw | None:  # noqa: ARG002
        """What the task takes, of whatever a network from elsewhere gives; None where that is its only tensor."""
        return None

    def labels_in(self, given: Raw, key: str) -> int:
        """How many labels a network from elsewhere knows, of what it gives for a batch; several tensors of which none
        was `picked` are a tuple. Raises UserError for what is not the task's."""
        said = ", ".join(shapes_of(given))
        raise UserError(f"{key}: what outputs of {said} mean is known of trained runs alone; say --task tensors")

    def take_outputs(self, given: Raw) -> None:  # noqa: B027  # most tasks need not know them
        """As `labels_in` has them, where no source says what targets are."""

    def caption(self, answer: Mapping[str, np.ndarray], truth: Any) -> tuple[str, bool]:  # noqa: ARG002
        """What stands above a picture of the sample, a line or two, and whether the answer is a mistake; without the
        batch. Unless a task has better words, its answer's own."""
        return json.dumps(self.task.words(answer, 1)), False

    def drawn(self, pixels: np.ndarray, answer: Mapping[str, np.ndarray], truth: Any) -> np.ndarray:  # noqa: ARG002
        """The picture, uint8 [height, width, channels], with answer and truth in it where they can be seen."""
        return pixels


class Served(nn.Module):
    """A model as a server runs it: what an answer is made of is inside the graph, so that none does it differently."""

    def __init__(self, model: nn.Module, task: TrainingTask) -> None:
        super().__init__()
        self.model, self.task = model, task

    def forward(self, *inputs: torch.Tensor) -> Any:
        return self.task.graph(self.model(*inputs))


def shapes_of(given: Raw) -> list[str]:
    """Of its tensors, in words."""
    leaves = pytree.tree_leaves(given)
    return [str(list(each.shape)) if isinstance(each, torch.Tensor) else type(each).__name__ for each in leaves]


def on(targets: Targets, device: torch.device) -> Targets:
    """On the device; copies need not have ended."""
    return pytree.tree_map(lambda value: value.to(device, non_blocking=True), targets)


def as_numpy(targets: Targets) -> Any:
    """The same of arrays."""
    return pytree.tree_map(lambda value: value.cpu().numpy(), targets)
