"""Answers in pixels of the picture that was sent, instead of the network's.

A batch of tensors stays rectangular: its masks keep the network's size. Where a sample is put into words or a file they
have the picture's own.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from torchferry.contract.placement import Placement
from torchferry.contract.tasks.task import Arrays, Task
from torchferry.serving.bundle.bundle import Bundle

OF_SENT = "of the picture that was sent, upright where its decode has exif: apply"
OF_TENSORS = "of one that was sent as a tensor, its own"


def in_sent_pixels(bundle: Bundle, outputs: Arrays, placements: Sequence[Placement]) -> Arrays:
    """Outputs by the bundle's names, all samples together; `placements` are those of their pictures, none of tensors.
    What the names of classes have been made of stays as it is."""
    if not (placements and bundle.task.places):
        return outputs
    pairs = zip(bundle.task.outputs, bundle.outputs, strict=True)
    names = [spec.name for own, spec in pairs if own in bundle.task.places]
    moved = {name: _moved(outputs[name], placements) for name in names if name in outputs}
    return {**outputs, **moved}


def sample_in_sent_pixels(bundle: Bundle, sample: Arrays, placement: Placement | None) -> Arrays:
    """One sample's outputs by the task's names, without the batch, masks in the picture's size; None stands for a
    tensor's, and for inputs of which none or several are pictures."""
    task = bundle.task
    if placement is None or not (task.places or task.masks) or not (spec := bundle.picture) or not spec.image:
        return sample
    places = {name: placement.places(sample[name]) for name in task.places}
    side = spec.image.height, spec.image.width
    masks = {name: placement.mask(sample[name], unseen, *side) for name, unseen in task.masks.items()}
    return {**sample, **places, **masks}


def with_size(bundle: Bundle, words: dict[str, Any], placement: Placement | None) -> dict[str, Any]:
    """What is said of a sample, and beside places the height and width of the picture that they are in."""
    if not (bundle.task.places and (spec := bundle.picture) and spec.image):
        return words
    return _sized(bundle.task, words, placement.size if placement else (spec.image.height, spec.image.width))


def described(bundle: Bundle) -> dict[str, str]:
    """In whose pixels each output is, by the bundle's names; for people."""
    if not bundle.picture or not (bundle.task.places or bundle.task.masks):
        return {}
    said = {}
    for own, spec in zip(bundle.task.outputs, bundle.outputs, strict=True):
        if own in bundle.task.places:
            said[spec.name] = f"in pixels {OF_SENT}; {OF_TENSORS}"
        elif own in bundle.task.masks:
            unseen = f", {bundle.task.masks[own]} where the network was not shown it"
            said[spec.name] = f"as a tensor in the network's size; as PNG and runs in that {OF_SENT}{unseen}"
    return said


def _sized(task: Task, words: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
    if task.parts:
        return words | {part: _sized(own, words[part], size) for part, own in task.parts.items()}
    return words | {"size": list(size)} if task.places else words


def _moved(values: np.ndarray, placements: Sequence[Placement]) -> np.ndarray:
    if values.dtype == object:
        return values
    return np.stack([placement.places(each) for each, placement in zip(values, placements, strict=True)])
