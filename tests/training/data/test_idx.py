"""MNIST's kind of files as a source; all of Fashion-MNIST where Debian's package is installed."""

import dataclasses
import gzip
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from tests.training.data.sources import refusal, source
from tests.training.data.test_idx_file import packed
from torchferry.training.data.idx import USUAL
from torchferry.training.data.source import ImageInput, Source

FASHION = Path("/usr/share/datasets/fashion-mnist")
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 3, 4))
CLASSES = np.array([0, 1, 2, 2, 1, 0])


def files(folder: Path, suffix: str = "", **changes: bytes) -> Path:
    """Six pictures of 3 x 4 pixels to train on; the last two of them to test."""
    contents = {
        "train_images": packed(PIXELS),
        "train_labels": packed(CLASSES),
        "test_images": packed(PIXELS[4:]),
        "test_labels": packed(CLASSES[4:]),
    }
    for name, data in (contents | changes).items():
        path = folder / f"{USUAL[name]}{suffix}"
        path.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
    return folder


def idx(folder: Path, **args: object) -> Source:
    return source("idx", root=str(folder), **args)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_pictures_and_classes_are_those_of_the_files(suffix: str, tmp_path: Path) -> None:
    found = idx(files(tmp_path, suffix))
    assert (found.labels, found.train_size, found.test_size) == (("0", "1", "2"), 6, 2)
    assert isinstance(found.train, TensorDataset)
    images, classes = found.train.tensors
    assert (images.dtype, images.shape, classes.dtype) == (torch.uint8, (6, 1, 3, 4), torch.int64)
    np.testing.assert_array_equal(images[:, 0].numpy(), PIXELS)
    assert classes.tolist() == CLASSES.tolist()
    np.testing.assert_array_equal(found.test[1][0][0].numpy(), PIXELS[5])
    assert found.listings["train"].samples == 6


def test_files_may_be_named_one_by_one(tmp_path: Path) -> None:
    folder = files(tmp_path)
    named = {name: str(folder / usual) for name, usual in USUAL.items()}
    assert source("idx", **named, labels=["a", "b", "c"]).labels == ("a", "b", "c")
    (folder / "other").write_bytes(packed(PIXELS[:1]))
    (folder / "others").write_bytes(packed(CLASSES[:1]))
    assert idx(folder, test_images="other", test_labels="others").test_size == 1
    (folder / USUAL["train_images"]).rename(folder / "train-images.idx3-ubyte")
    assert idx(folder).train_size == 6


def test_the_normalisation_is_that_of_the_training_pictures_or_as_given(tmp_path: Path) -> None:
    own = idx(files(tmp_path))
    assert isinstance(own.input, ImageInput)
    assert own.input.mean == pytest.approx((PIXELS.mean() / 255,))
    assert own.input.std == pytest.approx((PIXELS.std() / 255,))
    assert (own.input.mode, own.input.height, own.input.width, own.input.exif) == ("L", 3, 4, "apply")
    assert own.refit is not None
    former = dataclasses.replace(own.input, mean=(0.25,))
    assert own.refit(former).input == former
    given = idx(tmp_path, normalize="half")
    assert given.input.mean == (0.5,)  # type: ignore[union-attr]
    assert given.refit is None


def test_a_server_may_be_sent_pictures_of_another_shape(tmp_path: Path) -> None:
    found = idx(files(tmp_path), resize="pad", interpolation="box", normalize="half").input
    assert isinstance(found, ImageInput)
    assert (found.resize, found.interpolation, found.fill) == ("pad", "box", (128,))


def test_a_class_without_a_picture_is_said(tmp_path: Path) -> None:
    letters = packed(CLASSES + 1)
    found = idx(files(tmp_path, train_labels=letters))
    assert found.labels == ("0", "1", "2", "3")
    assert found.notes == (f"{tmp_path}/{USUAL['train_labels']}: has no picture of 0 to train on",)


def test_a_listing_is_of_the_content(tmp_path: Path) -> None:
    first = idx(files(tmp_path)).listings
    assert idx(files(tmp_path, ".gz")).listings == first
    for path in tmp_path.glob("*.gz"):
        path.unlink()
    changed = idx(files(tmp_path, train_labels=packed(CLASSES[::-1])), labels=["a", "b", "c"]).listings
    assert changed["test"] == first["test"]
    assert idx(files(tmp_path, train_images=packed(PIXELS[::-1]))).listings["train"] != first["train"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"train_labels": packed(CLASSES[:5])}, "{train_labels}: has 5 labels; {train_images} has 6 pictures"),
        (
            {"train_images": packed(CLASSES)},
            "{train_images}: is uint8 [6]; uint8 [pictures, height, width] is expected",
        ),
        (
            {"train_images": packed(PIXELS, 0x0D)},
            "{train_images}: is float32 [6, 3, 4]; uint8 [pictures, height, width]",
        ),
        ({"train_labels": packed(PIXELS)}, "{train_labels}: is uint8 [6, 3, 4]; whole numbers [pictures] are expected"),
        ({"test_images": packed(PIXELS[4:, :2])}, "{test_images}: its pictures are 2 x 4; those to train on are 3 x 4"),
        ({"test_labels": packed(np.array([1, 3]))}, "{test_labels}: label 1 is 3; there are 3 classes, 0 to 2; data."),
        ({"test_labels": packed(np.array([1, -1]), 0x09)}, "{test_labels}: label 1 is -1; there are 3 classes, 0 to 2"),
        ({"train_images": packed(PIXELS[:0]), "train_labels": packed(CLASSES[:0])}, "{train_images}: has no pictures"),
        ({"train_images": packed(PIXELS * 0)}, "data.source.args.normalize: all pixels to train on are alike"),
    ],
)
def test_files_that_do_not_fit_are_named(changes: dict[str, bytes], words: str, tmp_path: Path) -> None:
    files(tmp_path, **changes)  # type: ignore[arg-type]  # the suffix is none of them
    paths = {name: tmp_path / usual for name, usual in USUAL.items()}
    assert refusal(lambda: idx(tmp_path)).startswith(words.format(**paths))


def test_a_missing_file_is_named_with_what_is_there(tmp_path: Path) -> None:
    assert refusal(lambda: source("idx")).startswith(
        "data.source.args: give root, or all of train_images, train_labels"
    )
    files(tmp_path)
    (tmp_path / USUAL["test_labels"]).rename(tmp_path / "labels")
    words = refusal(lambda: idx(tmp_path))
    assert words.startswith(
        f"{tmp_path}/t10k-labels-idx1-ubyte: is not there, nor with .gz; the folder has labels, t10k-"
    )
    assert words.endswith("; data.source.args.test_labels names it")


@pytest.mark.skipif(not FASHION.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_all_of_fashion_mnist_is_read() -> None:
    found = idx(FASHION)
    assert (found.train_size, found.test_size, len(found.labels)) == (60_000, 10_000, 10)
    assert isinstance(found.input, ImageInput)
    assert found.input.mean == pytest.approx((0.2860,), abs=1e-4)
    assert found.input.std == pytest.approx((0.3530,), abs=1e-4)
