"""Logits of every class for each pixel."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torchvision import tv_tensors

from torchferry.contract.resize import fixed
from torchferry.contract.tasks.segmentation import MOST_LABELS, PALETTE
from torchferry.contract.tasks.segmentation import Segmentation as SegmentationTask
from torchferry.errors import UserError
from torchferry.training.data.source import ImageInput, Source
from torchferry.training.tasks.auxiliary import AUX, OUT, with_auxiliary
from torchferry.training.tasks.outputs import found_of
from torchferry.training.tasks.task import TrainingTask, shapes_of

SEEN_THROUGH = 0.5
NOT_KNOWN = (1, 1)
"""A size that nobody has said."""


class Segmentation(TrainingTask):
    task: SegmentationTask
    targets, takes = "masks", "a class for each pixel"
    default_loss = "cross_entropy"
    losses: ClassVar[tuple[str, ...]] = ("cross_entropy", "nll")
    moves = True

    def __init__(self, task: SegmentationTask) -> None:
        super().__init__(task)
        self.size = NOT_KNOWN
        """Height and width, where a source or a network's outputs say them."""

    @classmethod
    def of(cls, kind: Any, settings: Mapping[str, Any], source: Source) -> "Segmentation":
        made = super().of(kind, settings, source)
        assert isinstance(made, Segmentation)
        assert isinstance(source.input, ImageInput)  # as check_source says
        made.size = fixed(source.input.height), fixed(source.input.width)
        return made

    @classmethod
    def check_source(cls, source: Source) -> None:
        super().check_source(source)
        if not isinstance(source.input, ImageInput):
            raise UserError("task: segmentation is of pictures, and this data.source has none")

    def judged_by(self, source: Source) -> "Segmentation":
        """The data say which pixels do not count, of a network from elsewhere too."""
        self.check_source(source)
        return Segmentation(replace(self.task, **self.from_source(source)))

    @classmethod
    def from_source(cls, source: Source) -> Mapping[str, Any]:
        return {} if source.ignore_index is None else {"ignore_index": source.ignore_index}

    @property
    def loss_args(self) -> Mapping[str, Any]:
        return {"ignore_index": self.task.ignore_index}

    def check_outputs(self, given: Any, samples: int) -> None:
        logits = _logits(given)
        expected = (samples, self.loss_width, *self.size)
        if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != expected:
            found = list(logits.shape[1:]) if isinstance(logits, torch.Tensor) else type(logits).__name__
            raise UserError(f"model: gives {found} per sample, not {list(expected[1:])}, a number for each class and "
                            "pixel; see its args")  # fmt: skip

    @property
    def loss_width(self) -> int:
        return len(self.task.labels)

    def for_loss(self, outputs: Any, targets: torch.Tensor) -> tuple[Any, torch.Tensor]:
        has_both = isinstance(outputs, Mapping) and AUX in outputs
        return {OUT: outputs[OUT], AUX: outputs[AUX]} if has_both else _logits(outputs), targets.long()

    def whole_loss(self, loss: nn.Module) -> nn.Module:
        return with_auxiliary(loss)

    def blank_targets(self, samples: int) -> torch.Tensor:
        return torch.zeros(samples, *self.size, dtype=torch.uint8)

    def varied_targets(self, samples: int, random: torch.Generator) -> torch.Tensor:
        shape = (samples, *self.size)
        return torch.randint(0, self.loss_width, shape, generator=random, dtype=torch.uint8)

    def test_loss(self, outputs: Any, targets: torch.Tensor) -> torch.Tensor:
        """Of each sample the mean over its pixels that are judged; 0 for one that has none."""
        logits, truth = _logits(outputs), targets.long()
        losses = functional.cross_entropy(logits, truth, reduction="none", ignore_index=self.task.ignore_index)
        judged = (truth != self.task.ignore_index).flatten(1).sum(dim=1)
        return (losses.flatten(1).sum(dim=1) / judged.clamp(min=1)).sum()

    def answers(self, outputs: Any) -> dict[str, torch.Tensor]:
        return {"classes": _logits(outputs).argmax(dim=1).to(torch.uint8)}

    def wrong_targets(self, targets: torch.Tensor) -> tuple[int, str] | None:
        if targets.dim() != 3 or targets.is_floating_point():
            return 0, f"has a target of {found_of(targets)}; a mask is uint8 [height, width]"
        height, width = targets.shape[1:]
        if self.size not in (NOT_KNOWN, (height, width)):
            gives = "{} x {}".format(*self.size)
            return 0, f"has a mask of {height} x {width}; the model gives classes for {gives}: resize them in forward"
        labels, ignored = self.loss_width, self.task.ignore_index
        wrong = ((targets >= labels) & (targets != ignored)).flatten(1)
        samples = wrong.any(dim=1).nonzero()
        if not len(samples):
            return None
        at = int(samples[0])
        found = int(targets[at].flatten()[wrong[at]][0])
        return at, f"has a mask with {found}; there are {labels} labels, 0 to {labels - 1}, and ignore_index {ignored}"

    def lacking(self, targets: torch.Tensor) -> frozenset[str]:
        is_judged = bool((targets != self.task.ignore_index).any())
        return frozenset() if is_judged else frozenset({f"a pixel that is not ignore_index {self.task.ignore_index}"})

    def marked(self, target: torch.Tensor) -> tv_tensors.Mask:
        return tv_tensors.Mask(target)

    def unmarked(self, moved: torch.Tensor) -> torch.Tensor:
        return moved.as_subclass(torch.Tensor)

    @property
    def fill(self) -> int:
        return self.task.ignore_index

    def read_targets(self, given: np.ndarray, what: str) -> np.ndarray:
        if given.dtype.kind not in "iu" or given.ndim != 3 or not ((given >= 0) & (given <= 255)).all():
            shape = list(given.shape)
            raise UserError(
                f"{what} is {given.dtype} {shape}; masks of 0 to 255 are expected, [samples, height, width]"
            )
        return given.astype(np.uint8)

    def picked(self, given: Any) -> Any:
        return given[OUT] if isinstance(given, Mapping) and OUT in given else None

    def labels_in(self, given: Any, key: str) -> int:
        if not isinstance(given, torch.Tensor) or given.dim() != 4:
            said = ", ".join(shapes_of(given))
            raise UserError(f"{key}: needs one output of [batch, classes, height, width], or a dictionary that has it "
                            f"under '{OUT}', not {said}")  # fmt: skip
        if not 2 <= given.shape[1] <= MOST_LABELS:
            raise UserError(f"{key}: needs logits of 2 to {MOST_LABELS} classes, [batch, classes, height, width]; the "
                            f"model gives {list(given.shape)}")  # fmt: skip
        return given.shape[1]

    def take_outputs(self, given: torch.Tensor) -> None:
        self.size = given.shape[2], given.shape[3]

    def caption(self, answer: Mapping[str, np.ndarray], truth: Any) -> tuple[str, bool]:
        rows = self.task.rows({"classes": answer["classes"][None]}, np.asarray(truth)[None])
        metrics = self.task.measure(rows)
        _, mistaken = self.task.mistakes(rows)
        return f"IoU {metrics['miou']:.2f}\npixels {metrics['pixel_accuracy']:.1%}", bool(mistaken[0])

    def drawn(self, pixels: np.ndarray, answer: Mapping[str, np.ndarray], truth: Any) -> np.ndarray:  # noqa: ARG002
        """The picture with the classes' colours over it."""
        picture = (
            np.repeat(pixels.reshape(*pixels.shape[:2], -1)[:, :, :1], 3, axis=2) if pixels.shape[-1] < 3 else pixels
        )
        colours = np.array(PALETTE, np.uint8).reshape(-1, 3)[answer["classes"]]
        seen = SEEN_THROUGH * (answer["classes"] > 0)[:, :, None]
        return (picture[:, :, :3] * (1 - seen) + colours * seen).astype(np.uint8)


def _logits(outputs: Any) -> Any:
    return outputs[OUT] if isinstance(outputs, Mapping) and OUT in outputs else outputs
