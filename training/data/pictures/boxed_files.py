"""Picture files with the boxes in them, as sources of detection list them, and the data sets made of them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import Dataset

from torchferry.contract.fitted_boxes import fitted_boxes
from torchferry.contract.image import NotAnImage, upright_size
from torchferry.errors import UserError
from torchferry.training.data.decode import decode_image
from torchferry.training.data.files.file_keys import file_keys
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.files.folder_layout import ARGS
from torchferry.training.data.membership import held_out
from torchferry.training.data.source import ImageInput, Source
from torchferry.training.errors import CorruptSample

SAID = 10
"""Lines on what cannot be."""


@dataclass(frozen=True)
class Boxed:
    """One picture of a list."""

    name: str
    """Relative to the list's folder."""
    boxes: np.ndarray
    """float64 [objects, 4]: x1, y1, x2, y2, in pixels, or in shares of the sides."""
    labels: np.ndarray
    """int64 [objects]"""
    size: tuple[int, int] | None = None
    """Width and height that the boxes are in pixels of, where the list says so; None where they are in shares."""


@dataclass(frozen=True)
class BoxedList:
    folder: Path
    pictures: list[Boxed]
    notes: tuple[str, ...] = ()
    """What was left out or assumed, a line each."""
    damaged: tuple[str, ...] = ()
    """What cannot be, a line each, and is left out."""


class BoxedFiles(Dataset):
    """uint8 [channels, height, width], and {"boxes": float32 [objects, 4], "labels": int64 [objects]} in pixels of
    that. Raises CorruptSample, which names the file."""

    deterministic = True

    def __init__(self, listed: BoxedList, image: ImageInput) -> None:
        self.folder, self.image = listed.folder, image
        names = [os.fsencode(each.name) for each in listed.pictures]
        sizes = [_bytes_of(listed.folder / each.name) or 0 for each in listed.pictures]
        self.files = FileList.of(names, sizes, 0)
        # Arrays, not objects, as in FileList.
        self.ends = np.cumsum([0, *(len(each.labels) for each in listed.pictures)])
        self.boxes = np.concatenate([np.zeros((0, 4)), *(each.boxes for each in listed.pictures)])
        self.labels = np.concatenate([np.zeros(0, np.int64), *(each.labels for each in listed.pictures)])
        self.full = np.array([each.size or (0, 0) for each in listed.pictures])

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        name, data = self.file(index)
        pixels = decode_image(data, self.image, name)
        objects = slice(self.ends[index], self.ends[index + 1])
        boxes, is_left = fitted_boxes(*self._in_pixels(index, name, data, self.boxes[objects]), self.image)
        labels = self.labels[objects][is_left]
        return pixels, {"boxes": torch.from_numpy(boxes[is_left]), "labels": torch.from_numpy(labels)}

    def target(self, index: int) -> dict[str, torch.Tensor]:
        """As the list has it, which is known before the picture is read."""
        objects = slice(self.ends[index], self.ends[index + 1])
        return {"boxes": torch.from_numpy(self.boxes[objects]), "labels": torch.from_numpy(self.labels[objects])}

    def _in_pixels(self, index: int, name: str, data: bytes, boxes: np.ndarray) -> tuple[np.ndarray, int, int]:
        try:
            found = upright_size(data, self.image.exif)
        except NotAnImage as error:
            raise CorruptSample(f"{name}: cannot be read as an image: {error}") from error
        said = tuple(self.full[index].tolist())
        if said == (0, 0):
            return boxes * np.array([*found, *found]), *found
        if said != found:
            sizes = ["{} x {}".format(*each) for each in (found, said)]
            way = (
                "; exif: ignore takes it as it is stored" if said == found[::-1] and self.image.exif == "apply" else ""
            )
            raise CorruptSample(f"{name}: has {sizes[0]} pixels, and its boxes are in a picture of {sizes[1]}{way}")
        return boxes, *found

    def file(self, index: int) -> tuple[str, bytes]:
        """Its path, and what it holds."""
        return self.files.read(self.folder, index)

    def keys(self) -> np.ndarray:
        """uint64 [samples]: hashes of what the files hold."""
        return file_keys(self.folder, self.files)


def boxed_source(
    train: BoxedList,
    test: BoxedList | None,
    labels: tuple[str, ...],
    image: ImageInput,
    fraction: float | None,
    seed: int,
    limit: int | None,
) -> Source:
    """Of two lists, or of one of which a fraction is held out by content alone. Raises UserError."""
    if test is None:
        train, test = _apart(train, fraction, seed)
    sides = [BoxedFiles(_limited(each, limit), image) for each in (train, test)]
    for side, listed in zip(sides, (train, test), strict=True):
        if not len(side):
            purpose, wrong = "train" if listed is train else "test", "".join(f"; {line}" for line in listed.damaged[:1])
            raise UserError(f"{listed.folder}: no picture is listed to {purpose} on{wrong}")
    counts = np.bincount(sides[0].labels, minlength=len(labels))
    lacking = [name for name, count in zip(labels, counts.tolist(), strict=True) if not count]
    notes = (f"{train.folder}: no picture to train on has a {lacking[0]}",) if lacking else ()
    return Source(
        train=sides[0],
        test=sides[1],
        labels=labels,
        input=image,
        targets="boxes",
        listings={"train": sides[0].files.listing(), "test": sides[1].files.listing()},
        notes=tuple(dict.fromkeys((*train.notes, *test.notes, *notes))),
        damaged=_few(tuple(dict.fromkeys((*train.damaged, *test.damaged)))),
    )


def missing_line(listed: Path, folder: Path, names: Sequence[str]) -> tuple[str, ...]:
    """A line on the pictures that are not there. Raises UserError where none is."""
    missing = [name for name in names if _bytes_of(folder / name) is None]
    if not missing:
        return ()
    if len(missing) == len(names):
        raise UserError(f"{listed}: none of its pictures is in {folder}, such as {missing[0]}")
    return (f"{listed}: {len(missing)} of its {len(names)} pictures are not there, such as {folder / missing[0]}",)


@dataclass
class Checked:
    """Boxes that can be, and a line on each that cannot."""

    boxes: list[list[float]] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)

    def picture(self, name: str, size: tuple[int, int] | None) -> Boxed:
        return Boxed(name, np.array(self.boxes, float).reshape(-1, 4), np.array(self.labels, np.int64), size)


def wrong_box(box: Sequence[float], width: float, height: float, slack: float, sides: str) -> str | None:
    """What is wrong with [x1, y1, x2, y2] in a picture of that size, beyond whose sides `slack` is let through; `sides`
    says the size in words."""
    if not np.isfinite(box).all():
        return "is not finite"
    if box[2] <= box[0] or box[3] <= box[1]:
        return "has no area"
    if box[0] < -slack or box[1] < -slack or box[2] > width + slack or box[3] > height + slack:
        return f"is outside of the picture, {sides}"
    return None


def _apart(whole: BoxedList, fraction: float | None, seed: int) -> tuple[BoxedList, BoxedList]:
    if fraction is None or not 0 <= fraction < 1:
        raise UserError(f"{ARGS}.test_fraction: {fraction} is not 0 or more and below 1; or name a test set of its own")
    if fraction == 0:
        return whole, whole
    files = FileList.of([os.fsencode(each.name) for each in whole.pictures], [0] * len(whole.pictures), 0)
    are_held = held_out(file_keys(whole.folder, files), fraction, seed)
    sides = ([each for each, held in zip(whole.pictures, are_held, strict=True) if bool(held) == side]
             for side in (False, True))  # fmt: skip
    return tuple(BoxedList(whole.folder, side, whole.notes, whole.damaged) for side in sides)  # type: ignore[return-value]  # two of them


def _few(damaged: tuple[str, ...]) -> tuple[str, ...]:
    left = len(damaged) - SAID
    return (*damaged[:SAID], f"and {left} more of these") if left > 0 else damaged


def _limited(listed: BoxedList, limit: int | None) -> BoxedList:
    return BoxedList(listed.folder, listed.pictures[:limit], listed.notes, listed.damaged)


def _bytes_of(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
