"""Scenes of several handwritten digits: scikit-learn's scans on a noisy ground, of many sizes, some over others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import Dataset, TensorDataset

from torchferry.errors import UserError
from torchferry.training.data.arguments import at_least, checked, takes_arguments_of
from torchferry.training.data.pictures.array_pictures import ArrayPictures
from torchferry.training.data.source import Source

INK = 96
"""From which grey value on a pixel belongs to a digit."""
SEEN = 0.5
"""A digit of whose pixels less can be seen is covered, and no target."""
TRIES = 20
"""Places that a digit is tried at before a scene goes without it."""
COVERED = 0.3
"""Share of its pixels that a digit may cover of those before it."""

Targets = Literal["labels", "masks", "boxes"]


@checked
@takes_arguments_of(said=ArrayPictures)
def digit_scenes(
    train_scenes: int = 2000,
    test_scenes: int = 400,
    size: int = 64,
    objects: int = 4,
    smallest: int = 16,
    largest: int = 28,
    noise: float = 12.0,
    scene_seed: int = 0,
    targets: Targets = "labels",
    *,
    said: ArrayPictures,
) -> Source:
    """Grey scenes of up to so many handwritten digits, made of scikit-learn's 1,797 scans; nothing is downloaded.

    Scenes to train on and to test on are made of different scans. Targets are the digits that a scene shows, a mask
    (0 is the ground, 1 the digit 0), or a box around each.

    Args:
        train_scenes: How many to train on.
        test_scenes: How many to test on.
        size: Height and width of a scene, in pixels.
        objects: The most digits in one; some have none.
        smallest: Height of the smallest digit, in pixels.
        largest: Height of the largest.
        noise: Standard deviation of the ground's grey values.
        scene_seed: Decides what the scenes are.
        targets: As the recipe's task says: labels, masks or boxes.
    """
    at_least(1, train_scenes=train_scenes, test_scenes=test_scenes, objects=objects, smallest=smallest)
    if not smallest <= largest <= size:
        raise UserError(f"data.source.args.largest: {largest} is not from smallest, {smallest}, to size, {size}")
    scans = load_digits()
    pixels = (scans.images * 15).astype(np.uint8)
    sides = train_test_split(np.arange(len(pixels)), test_size=0.2, random_state=0, stratify=scans.target)
    names = tuple(str(name) for name in scans.target_names)
    made = [
        [_scene(np.random.default_rng([scene_seed, side, number]), pixels, scans.target, indices, size, objects,
                (smallest, largest), noise) for number in range(count)]
        for side, (indices, count) in enumerate(zip(sides, (train_scenes, test_scenes), strict=True))
    ]  # fmt: skip
    train, test = (_samples(scenes, targets, len(names)) for scenes in made)
    scaled = np.stack([scene.picture for scene in made[0]]) / 255
    return Source(
        train=train,
        test=test,
        labels=("ground", *names) if targets == "masks" else names,
        input=said.input(size, size, "L", ((float(scaled.mean()),), (float(scaled.std()),))),
        targets=targets,
    )


@dataclass(frozen=True)
class Scene:
    picture: np.ndarray
    """uint8 [size, size]"""
    digits: list[int]
    masks: list[np.ndarray]
    """bool [size, size] of each digit: what can be seen of it."""


def _scene(
    random: np.random.Generator,
    scans: np.ndarray,
    classes: np.ndarray,
    indices: np.ndarray,
    size: int,
    most: int,
    sides: tuple[int, int],
    noise: float,
) -> Scene:
    picture = random.normal(24, noise, (size, size))
    digits: list[int] = []
    masks: list[np.ndarray] = []
    whole: list[int] = []
    for index in random.choice(indices, random.integers(0, most + 1), replace=False).tolist():
        side = int(random.integers(sides[0], sides[1] + 1))
        digit = np.asarray(Image.fromarray(scans[index]).resize((side, side), Image.Resampling.BICUBIC))
        mask = _placed(random, digit, size, masks)
        if mask is None:
            continue
        corner, ink = mask
        here = np.zeros((size, size), bool)
        here[corner[0] : corner[0] + side, corner[1] : corner[1] + side] = ink
        masks = [before & ~here for before in masks]
        picture[here] = digit[ink] + random.normal(0, noise, int(ink.sum()))
        digits, masks, whole = [*digits, int(classes[index])], [*masks, here], [*whole, int(here.sum())]
    seen = [number for number, mask in enumerate(masks) if mask.sum() >= SEEN * whole[number]]
    grey = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return Scene(grey, [digits[number] for number in seen], [masks[number] for number in seen])


def _placed(
    random: np.random.Generator, digit: np.ndarray, size: int, masks: Sequence[np.ndarray]
) -> tuple[tuple[int, int], np.ndarray] | None:
    """The upper left corner and the ink, where it covers few pixels of others; None where no place is found."""
    ink = digit >= INK
    for _ in range(TRIES):
        row, column = (int(random.integers(0, size - len(digit) + 1)) for _ in range(2))
        part = (slice(row, row + len(digit)), slice(column, column + len(digit)))
        if all((mask[part] & ink).sum() <= COVERED * mask.sum() for mask in masks):
            return (row, column), ink
    return None


def _samples(scenes: Sequence[Scene], targets: Targets, classes: int) -> Dataset:
    # unsqueeze gives the new axis the usual stride, numpy's None another.
    pictures = torch.from_numpy(np.stack([scene.picture for scene in scenes])).unsqueeze(1)
    if targets == "labels":
        shown = torch.zeros(len(scenes), classes, dtype=torch.uint8)
        for row, scene in zip(shown, scenes, strict=True):
            row[scene.digits] = 1
        return TensorDataset(pictures, shown)
    if targets == "masks":
        return TensorDataset(pictures, torch.from_numpy(np.stack([_mask(scene) for scene in scenes])))
    return Boxed(pictures, [_boxes(scene) for scene in scenes])


def _mask(scene: Scene) -> np.ndarray:
    """uint8 [size, size]"""
    mask = np.zeros(scene.picture.shape, np.uint8)
    for digit, here in zip(scene.digits, scene.masks, strict=True):
        mask[here] = digit + 1
    return mask


def _boxes(scene: Scene) -> dict[str, torch.Tensor]:
    """float32 [digits, 4], left, top, right, bottom in pixels; int64 [digits]."""
    boxes = torch.zeros(len(scene.digits), 4)
    for box, mask in zip(boxes, scene.masks, strict=True):
        rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
        box[:] = torch.tensor([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return {"boxes": boxes, "labels": torch.tensor(scene.digits, dtype=torch.int64)}


class Boxed(Dataset):
    """uint8 [1, size, size] and the boxes and labels of each scene."""

    deterministic = True

    def __init__(self, pictures: torch.Tensor, found: Sequence[dict[str, torch.Tensor]]) -> None:
        self.pictures, self.found = pictures, found

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, dict[str, Any]]:
        return self.pictures[index], self.target(index)

    def target(self, index: int) -> dict[str, torch.Tensor]:
        return self.found[index]
