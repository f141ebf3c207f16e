"""Grey pictures and their classes in IDX files, as MNIST, Fashion-MNIST and their kin are shipped."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch.utils.data import TensorDataset

from torchferry.errors import UserError, some
from torchferry.training.data.arguments import checked, takes_arguments_of
from torchferry.training.data.files.folder_layout import ARGS
from torchferry.training.data.idx_file import read_idx
from torchferry.training.data.pictures.array_pictures import ArrayPictures
from torchferry.training.data.pictures.image_input import Exif
from torchferry.training.data.source import ImageInput, Listing, Source

USUAL = {
    "train_images": "train-images-idx3-ubyte",
    "train_labels": "train-labels-idx1-ubyte",
    "test_images": "t10k-images-idx3-ubyte",
    "test_labels": "t10k-labels-idx1-ubyte",
}


@checked
@takes_arguments_of(said=ArrayPictures)
def idx(
    root: str | None = None,
    train_images: str | None = None,
    train_labels: str | None = None,
    test_images: str | None = None,
    test_labels: str | None = None,
    labels: list[str] | None = None,
    *,
    said: ArrayPictures,
    exif: Exif = "apply",
) -> Source:
    """Pictures in IDX files, MNIST's kind, each as it is or compressed by gzip.

    Args:
        root: A folder with the usual names: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte
            and t10k-labels-idx1-ubyte; paths below are relative to it.
        train_images: The pictures to train on.
        train_labels: Their classes.
        test_images: The pictures to test on.
        test_labels: Their classes.
        labels: The classes' names; null numbers them.
        exif: apply or ignore, for pictures that a server is sent.
    """
    given = {
        "train_images": train_images,
        "train_labels": train_labels,
        "test_images": test_images,
        "test_labels": test_labels,
    }
    paths = {name: _path(root, name, path) for name, path in given.items()}
    train, test = (_samples(paths[f"{split}_images"], paths[f"{split}_labels"]) for split in ("train", "test"))
    pictures, classes = train.tensors
    names = tuple(labels) if labels is not None else tuple(map(str, range(int(classes.max()) + 1)))
    for split, samples in (("train", train), ("test", test)):
        _check_classes(paths[f"{split}_labels"], samples.tensors[1], names)
    if test.tensors[0].shape[1:] != pictures.shape[1:]:
        sizes = (" x ".join(map(str, samples.tensors[0].shape[2:])) for samples in (test, train))
        raise UserError(f"{paths['test_images']}: its pictures are {next(sizes)}; those to train on are {next(sizes)}")
    height, width = pictures.shape[2:]
    source = Source(
        train=train,
        test=test,
        labels=names,
        input=said.input(height, width, "L", _constants(pictures) if said.is_fitted else None, exif),
        listings={"train": _listing(train), "test": _listing(test)},
        notes=_notes(paths["train_labels"], classes, names),
    )
    if not said.is_fitted:
        return source
    return replace(source, refit=lambda input: replace(source, input=cast(ImageInput, input)))


def _path(root: str | None, name: str, given: str | None) -> Path:
    if given is not None:
        return Path(root or "").expanduser() / Path(given).expanduser()
    if root is None:
        raise UserError(f"{ARGS}: give root, or all of {', '.join(USUAL)}; {name} is missing")
    usual = Path(root).expanduser() / USUAL[name]
    places = [usual, usual.with_name(usual.name.replace("-idx", ".idx"))]
    places += [place.with_name(f"{place.name}.gz") for place in places]
    for place in places:
        if place.is_file():
            return place
    there = ", ".join(sorted(path.name for path in usual.parent.glob("*"))[:6]) or "no files"
    raise UserError(f"{usual}: is not there, nor with .gz; the folder has {there}; {ARGS}.{name} names it")


def _samples(images: Path, labels: Path) -> TensorDataset:
    """uint8 [1, height, width] and int64 []."""
    pictures, classes = read_idx(images), read_idx(labels)
    if pictures.dtype != np.uint8 or pictures.ndim != 3:
        raise _unlike(images, pictures, "uint8 [pictures, height, width] is")
    if classes.dtype.kind not in "iu" or classes.ndim != 1:
        raise _unlike(labels, classes, "whole numbers [pictures] are")
    if not pictures.size:
        raise UserError(f"{images}: has no pictures")
    if len(pictures) != len(classes):
        raise UserError(f"{labels}: has {len(classes)} labels; {images} has {len(pictures)} pictures")
    return TensorDataset(torch.from_numpy(pictures.copy()).unsqueeze(1), torch.from_numpy(classes.astype(np.int64)))


def _unlike(path: Path, array: np.ndarray, expected: str) -> UserError:
    return UserError(f"{path}: is {array.dtype.name} {list(array.shape)}; {expected} expected")


def _check_classes(path: Path, classes: torch.Tensor, names: tuple[str, ...]) -> None:
    wrong = ((classes < 0) | (classes >= len(names))).nonzero()
    if len(wrong):
        at = int(wrong[0])
        raise UserError(
            f"{path}: label {at} is {int(classes[at])}; there are {len(names)} classes, 0 to {len(names) - 1}; "
            f"{ARGS}.labels names them"
        )


def _notes(path: Path, classes: torch.Tensor, names: tuple[str, ...]) -> tuple[str, ...]:
    there = set(classes.tolist())
    empty = tuple(name for number, name in enumerate(names) if number not in there)
    return (f"{path}: has no picture of {some(empty)} to train on",) if empty else ()


def _constants(pictures: torch.Tensor) -> tuple[tuple[float], tuple[float]]:
    """Mean and std of the values scaled to 0..1, from their counts: exact, and without a copy in float64."""
    counts = np.bincount(pictures.numpy().ravel(), minlength=256).astype(np.float64)
    values = np.arange(256) / 255
    mean = float((counts * values).sum() / counts.sum())
    variance = float((counts * (values - mean) ** 2).sum() / counts.sum())
    if not variance:
        raise UserError(f"{ARGS}.normalize: all pixels to train on are alike; give a mean and a std, or normalize none")
    return (mean,), (variance**0.5,)


def _listing(samples: TensorDataset) -> Listing:
    """Of the numbers themselves."""
    digest = hashlib.sha256()
    for tensor in samples.tensors:
        digest.update(f"{list(tensor.shape)}".encode())
        digest.update(tensor.numpy().tobytes())
    return Listing(samples=len(samples), sha256=digest.hexdigest())
