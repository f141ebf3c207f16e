"""Candidates with boxes and logits, of which the graph keeps the best."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch

from torchferry.contract.resize import fixed
from torchferry.contract.tasks.boxes import pairs
from torchferry.contract.tasks.detection import SURE
from torchferry.contract.tasks.detection import Detection as DetectionTask
from torchferry.contract.tasks.drawn_boxes import TRUE, drawn_boxes
from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError
from torchferry.training.data.source import ImageInput, Source
from torchferry.training.tasks.nms import suppressed
from torchferry.training.tasks.task import TrainingTask, shapes_of
from torchferry.training.tasks.task_aligned import RAW, picture_losses


class Detection(TrainingTask):
    """A network gives, for each of its candidates, `boxes` [batch, candidates, 4] in pixels, `logits` [batch,
    candidates, labels], and `anchors` [batch, candidates, 4], the boxes that it started from, whose middles say which
    objects a candidate can learn. Boxes may be [batch, candidates, labels, 4], one for each label."""

    task: DetectionTask
    targets, takes = "boxes", "boxes with their labels"
    moves = True
    default_loss = "task_aligned"
    losses: ClassVar[tuple[str, ...]] = ("task_aligned",)
    behind = "sigmoid"
    size: tuple[int, int] = (0, 0)
    """Height and width of the picture, where there is a source."""

    @classmethod
    def of(cls, kind: type[Task], settings: Mapping[str, Any], source: Source) -> "Detection":
        if not isinstance(source.input, ImageInput):
            raise UserError("task: detection finds objects in pictures, and this data.source has none")
        made = super().of(kind, settings, source)
        assert isinstance(made, Detection)
        made.size = fixed(source.input.height), fixed(source.input.width)
        return made

    def check_outputs(self, given: Any, samples: int) -> None:
        if not isinstance(given, dict) or not all(isinstance(given.get(name), torch.Tensor) for name in RAW):
            names = ", ".join(RAW)
            found = (
                f"a dict of {', '.join(map(str, given))}" if isinstance(given, dict) else f"a {type(given).__name__}"
            )
            raise UserError(f"model: gives {found}; detection takes a dict of the tensors {names}; see torchferry "
                            "describe")  # fmt: skip
        candidates, labels = given["boxes"].shape[1:2], self.loss_width
        box = (labels, 4) if given["boxes"].dim() == 4 else (4,)
        for name, last in (("boxes", box), ("logits", (labels,)), ("anchors", (4,))):
            if tuple(given[name].shape) != (samples, *candidates, *last):
                expected = f"[batch, candidates, {', '.join(map(str, last))}]"
                raise UserError(f"model: its {name} are {list(given[name].shape)}, not {expected}; see its args")

    def picked(self, given: Any) -> Any:
        """As it is: candidates have several tensors. Anchors are for training alone."""
        return given

    def labels_in(self, given: Any, key: str) -> int:
        boxes, logits = (given.get(name) if isinstance(given, Mapping) else None for name in ("boxes", "logits"))
        if isinstance(boxes, torch.Tensor) and isinstance(logits, torch.Tensor) and _are_candidates(boxes, logits):
            return logits.shape[2]
        raise UserError(f"{key}: needs a dictionary with boxes [batch, candidates, 4], in pixels, and logits [batch, "
                        f"candidates, labels]; the model gives {_in_words(given)}")  # fmt: skip

    @property
    def loss_width(self) -> int:
        return len(self.task.labels)

    def blank_targets(self, samples: int) -> dict[str, torch.Tensor]:
        return {"boxes": torch.zeros(samples, 1, 4), "labels": torch.full((samples, 1), -1)}

    def varied_targets(self, samples: int, random: torch.Generator) -> dict[str, torch.Tensor]:
        corners, sides = (torch.rand(samples, 2, 2, generator=random) * most for most in (24, 16))
        labels = torch.randperm(2 * samples, generator=random).view(samples, 2) % len(self.task.labels)
        return {"boxes": torch.cat([corners, corners + sides + 1], dim=2), "labels": labels}

    def test_loss(self, outputs: Any, targets: Any) -> torch.Tensor:
        return picture_losses(outputs, targets).sum()

    def answers(self, outputs: Any) -> dict[str, torch.Tensor]:
        """The best boxes of each label that do not overlap, the highest score first, zeros behind the last.

        A picture with a NaN in any candidate has one object, all of NaN: comparisons would make none of it.
        """
        task = self.task
        is_broken, all_scores, all_boxes = _numbers(outputs["logits"].sigmoid(), outputs["boxes"])
        scores, labels, boxes = _best(all_scores, all_boxes, task.candidates)
        kept = suppressed(boxes, labels, (scores > task.score_threshold).to(torch.float32), task.iou_threshold)
        count = min(task.max_detections, scores.shape[1])
        _, best = (scores * kept).topk(count, dim=1)
        kept = kept.gather(1, best)
        found = {
            "boxes": boxes.gather(1, best[:, :, None].expand(-1, -1, 4)) * kept[:, :, None],
            "labels": labels.gather(1, best) * kept.to(torch.int64),
            "scores": scores.gather(1, best) * kept,
        }
        missing = task.max_detections - count
        if missing:
            found = {name: _padded(values, missing) for name, values in found.items()}
        first = is_broken[:, None] & (torch.arange(task.max_detections, device=kept.device) == 0)
        return {
            "boxes": found["boxes"].masked_fill(first[:, :, None], torch.nan),
            "labels": found["labels"],
            "scores": found["scores"].masked_fill(first, torch.nan),
            "count": kept.to(torch.int64).sum(dim=1) + is_broken.to(torch.int64),
        }

    def wrong_targets(self, targets: Any) -> tuple[int, str] | None:
        boxes, labels, classes = targets["boxes"], targets["labels"], len(self.task.labels)
        for wrong, what in (
            (labels >= classes, f"has an object of a class above {classes - 1}, the last one's"),
            (_without_area(boxes) & (labels >= 0), "has a box without area, or one that is not finite"),
        ):
            if len(found := wrong.any(dim=1).nonzero()):
                return int(found[0]), what
        return None

    def lacking(self, targets: Any) -> frozenset[str]:
        return frozenset() if bool((targets["labels"] >= 0).any()) else frozenset({"an object"})

    def batched(self, targets: list[Any]) -> dict[str, torch.Tensor]:
        """Padded to the most objects that one has, with labels of -1."""
        most = max([len(each["labels"]) for each in targets], default=0)
        boxes, labels = torch.zeros(len(targets), max(most, 1), 4), torch.full((len(targets), max(most, 1)), -1)
        for place, each in enumerate(targets):
            boxes[place, : len(each["labels"])] = torch.as_tensor(each["boxes"])
            labels[place, : len(each["labels"])] = torch.as_tensor(each["labels"])
        return {"boxes": boxes, "labels": labels}

    def of_tensors(self, held: list[torch.Tensor]) -> dict[str, torch.Tensor]:
        boxes, labels = held
        return {"boxes": boxes, "labels": labels}

    def taken(self, targets: Any, place: int) -> dict[str, torch.Tensor]:
        is_there = targets["labels"][place] >= 0
        return {name: values[place][is_there] for name, values in targets.items()}

    def marked(self, target: Any) -> Any:
        from torchvision import tv_tensors

        boxes = tv_tensors.BoundingBoxes(target["boxes"], format="XYXY", canvas_size=self.size)
        return {"boxes": boxes, "labels": target["labels"]}

    def unmarked(self, moved: Any) -> dict[str, torch.Tensor]:
        """Cut off at the picture's sides; what has less than a pixel left is gone."""
        height, width = self.size
        boxes = torch.as_tensor(moved["boxes"]).clone().float().as_subclass(torch.Tensor)
        boxes[:, 0::2] = boxes[:, 0::2].clamp(0, width)
        boxes[:, 1::2] = boxes[:, 1::2].clamp(0, height)
        is_left = (boxes[:, 2:] - boxes[:, :2] >= 1).all(dim=1)
        return {"boxes": boxes[is_left], "labels": moved["labels"][is_left]}

    def caption(self, answer: Mapping[str, np.ndarray], truth: Any) -> tuple[str, bool]:
        """Objects that there are, that were found for sure, and how many of these are right."""
        found, true = _sure(answer), {name: np.asarray(values) for name, values in truth.items()}
        right = len(pairs(found["boxes"], found["labels"], true["boxes"], true["labels"]))
        objects, sure = len(true["labels"]), len(found["labels"])
        return f"true: {objects} objects\nfound: {sure}, {right} right", right < max(objects, sure)

    def drawn(self, pixels: np.ndarray, answer: Mapping[str, np.ndarray], truth: Any) -> np.ndarray:
        """What is there in green, what was found for sure in red over it."""
        found = _sure(answer)
        picture = drawn_boxes(pixels, np.asarray(truth["boxes"]), [""] * len(truth["labels"]), TRUE)
        larger = picture.shape[0] / pixels.shape[0]
        return drawn_boxes(picture, found["boxes"] * larger, [self.task.labels[each] for each in found["labels"]])


def _numbers(scores: torch.Tensor, boxes: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """bool [batch], whether a picture has a NaN, and the same scores and boxes, of such a picture zeros."""
    has_nan = [each.isnan().flatten(1).to(torch.float32).amax(dim=1) > 0 for each in (scores, boxes)]
    is_broken = has_nan[0] | has_nan[1]
    without = [each.masked_fill(is_broken.view(-1, *(1 for _ in each.shape[1:])), 0.0) for each in (scores, boxes)]
    return is_broken, without[0], without[1]


def _are_candidates(boxes: torch.Tensor, logits: torch.Tensor) -> bool:
    """A candidate has one box, or one for each class."""
    return logits.dim() == 3 and tuple(boxes.shape) in ((*logits.shape[:2], 4), (*logits.shape, 4))


def _in_words(given: Any) -> str:
    if isinstance(given, list):
        return (
            "a list with boxes for each picture; of torchvision's detectors say the name torchvision_detector instead, "
            "whose args are name, classes, height and width"
        )
    named = given.items() if isinstance(given, Mapping) else [(type(given).__name__, given)]
    return ", ".join(f"{name} {' '.join(shapes_of(value))}" for name, value in named)


def _best(scores: torch.Tensor, boxes: torch.Tensor, most: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Scores and labels [batch, best] and boxes [batch, best, 4] of the highest scores of all candidates and labels.

    They are of as many candidates at the most, so that those are picked first.
    """
    picked = scores.amax(dim=2).topk(min(most, scores.shape[1]), dim=1).indices
    of_picked = scores.gather(1, picked[:, :, None].expand(-1, -1, scores.shape[2])).flatten(1)
    best, places = of_picked.topk(min(most, of_picked.shape[1]), dim=1)
    candidates, labels = picked.gather(1, places // scores.shape[2]), places % scores.shape[2]
    if boxes.dim() == 4:
        candidates, boxes = candidates * scores.shape[2] + labels, boxes.flatten(1, 2)
    return best, labels, boxes.gather(1, candidates[:, :, None].expand(-1, -1, 4))


def _padded(values: torch.Tensor, rows: int) -> torch.Tensor:
    return torch.cat([values, values.new_zeros(values.shape[0], rows, *values.shape[2:])], dim=1)


def _without_area(boxes: torch.Tensor) -> torch.Tensor:
    return ~(boxes.isfinite().all(dim=2) & (boxes[..., 2:] > boxes[..., :2]).all(dim=2))


def _sure(answer: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Of one sample."""
    is_sure = (np.arange(len(answer["labels"])) < answer["count"]) & (answer["scores"] >= SURE)
    return {name: answer[name][is_sure] for name in ("boxes", "labels", "scores")}
