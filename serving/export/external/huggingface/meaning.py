"""The task of a network of transformers, where its architecture says it for certain, and the labels in its config."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from torchferry.serving.export.external.huggingface.answers import Candidates, Named, Pixels, Scores, Vector

OF_SAMPLES = re.compile(r".*For(Image|Sequence|Audio|Video)Classification(WithTeacher)?")
PLACEHOLDER = re.compile(r"LABEL_\d+")
"""What transformers calls a class that nobody has named."""
SOFTMAX = ("Detr", "Yolos", "TableTransformer")
"""Detectors with a logit for no object."""
SIGMOID = ("ConditionalDetr", "DabDetr", "DeformableDetr", "Deta", "RTDetr", "RTDetrV2", "DFine", "LwDetr")
PROBLEMS = {
    "single_label_classification": "classification",
    "multi_label_classification": "multilabel",
    "regression": "regression",
}


@dataclass(frozen=True)
class Meaning:
    network: nn.Module
    """It gives what the task takes."""
    task: str | None = None
    """None where nothing is known but tensors."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()


def meaning_of(
    network: nn.Module, architecture: str, config: Any, asked: str | None = None, outputs: Sequence[str] = ()
) -> Meaning:
    """`asked`: the task that the user names; of another than the architecture's, or where the user says which `outputs`
    are meant, the network gives tensors by name."""
    found = _certain(network, architecture, config)
    return found if asked in (None, found.task) and not outputs else Meaning(Named(network, outputs))


def _certain(network: nn.Module, architecture: str, config: Any) -> Meaning:
    labels = labels_of(config)
    if OF_SAMPLES.fullmatch(architecture) and (task := _of_problem(config)):
        return Meaning(Scores(network), task, labels=labels)
    if architecture.endswith("ForSemanticSegmentation"):
        return Meaning(Pixels(network), "segmentation", labels=labels)
    family = architecture.removesuffix("ForObjectDetection")
    focal = getattr(config, "use_focal_loss", True)
    if family in SOFTMAX or (family in SIGMOID and focal):
        # Nothing is suppressed behind these: they find each object once.
        return Meaning(Candidates(network, config.num_labels), "detection", {"iou_threshold": 1.0}, labels)
    if architecture.endswith("ModelWithProjection"):
        return Meaning(Vector(network), "embedding")
    return Meaning(Named(network))


def labels_of(config: Any) -> tuple[str, ...]:
    """In the order of the scores; none where all are placeholders."""
    names = {int(number): str(name) for number, name in (getattr(config, "id2label", None) or {}).items()}
    if all(PLACEHOLDER.fullmatch(name) for name in names.values()) or sorted(names) != list(range(len(names))):
        return ()
    return tuple(names[number] for number in range(len(names)))


def _of_problem(config: Any) -> str | None:
    """As transformers' own losses tell them apart; None of a problem that they do not know."""
    problem = getattr(config, "problem_type", None)
    if problem is None:
        return "regression" if config.num_labels == 1 else "classification"
    return PROBLEMS.get(problem) if isinstance(problem, str) else None
