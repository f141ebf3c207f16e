"""Samples of a user's data set: conversion to the declared tensors, and refusal of what does not fit."""

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.data.sources import noise, refusal
from torchferry.training.data.sample import Sample
from torchferry.training.data.source import ImageInput, TensorInput
from torchferry.training.errors import CorruptSample

GREY = ImageInput(mode="L", height=2, width=3, mean=(0.5,), std=(0.5,))
VALUES = TensorInput(shape=(2,))
CLASSES = Sample(VALUES, 3, "classes")
NUMBERS = Sample(VALUES, 2, "values")
X = np.array([1, 2], dtype=np.float32)


@pytest.mark.parametrize(
    "x",
    [X, np.array([2, 1], np.float32)[::-1], torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0], requires_grad=True)],
    ids=["array", "backwards", "tensor", "with-gradient"],
)
def test_arrays_and_tensors_are_taken_as_declared(x: Any) -> None:
    found, _ = CLASSES((x, 0), "a[0]")
    assert (found.dtype, found.tolist(), found.requires_grad) == (torch.float32, [1, 2], False)


def test_an_array_that_cannot_be_written_is_copied() -> None:
    fixed = X.copy()
    fixed.setflags(write=False)
    found, _ = CLASSES([fixed, 0], "a[0]")
    found += 1
    assert fixed.tolist() == [1, 2]


def test_a_picture_is_converted_and_an_array_must_fit() -> None:
    sample = Sample(GREY, 2, "classes")
    picture, _ = sample((noise(0), 1), "a[0]")
    expected = noise(0).convert("L").resize((3, 2), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(picture.numpy(), np.asarray(expected)[None])
    array, _ = sample((picture.numpy(), 1), "a[0]")
    assert torch.equal(array, picture)
    words = "a[0]: x is uint8 [2, 3]; a PIL image or uint8 [1, 2, 3] is expected"
    assert refusal(lambda: sample((picture[0], 1), "a[0]")) == words


@pytest.mark.parametrize(
    "y", [2, np.int8(2), np.uint64(2), np.array(2), torch.tensor(2), torch.tensor(2, dtype=torch.uint8)]
)
def test_a_class_is_any_whole_number(y: Any) -> None:
    _, target = CLASSES((X, y), "a[0]")
    assert (target.dtype, target.shape, int(target)) == (torch.int64, (), 2)


@pytest.mark.parametrize("y", [[1, 2.5], (1, 2.5), np.array([1, 2.5]), torch.tensor([1, 2.5], dtype=torch.float64)])
def test_a_value_is_one_number_for_each_label(y: Any) -> None:
    _, target = NUMBERS((X, y), "a[0]")
    assert (target.dtype, target.tolist()) == (torch.float32, [1, 2.5])
    for single in (4, 4.0, [4], np.float64(4), torch.tensor(4)):
        assert Sample(VALUES, 1, "values")((X, single), "a[0]")[1].tolist() == [4]


@pytest.mark.parametrize(
    ("sample", "found", "words"),
    [
        (CLASSES, 3, "is 3; (x, y) is expected"),
        (CLASSES, (X,), "is a tuple of 1; (x, y) is expected"),
        (CLASSES, {"x": X, "y": 0}, "is a dict; (x, y) is expected"),
        (CLASSES, X, "is float32 [2]; (x, y) is expected"),
        (CLASSES, (X.astype(np.float64), 0), "x is float64 [2]; float32 [2] is expected"),
        (CLASSES, (torch.zeros(2, 1), 0), "x is float32 [2, 1]; float32 [2] is expected"),
        (CLASSES, ([1.0, 2.0], 0), "x is a list of 2; float32 [2] is expected"),
        (CLASSES, ("ant", 0), "x is a str; float32 [2] is expected"),
        (CLASSES, (X, 3), "y is 3; a class from 0 to 2 is expected"),
        (CLASSES, (X, torch.tensor(-1)), "y is -1; a class from 0 to 2 is expected"),
        (CLASSES, (X, 1.0), "y is 1.0; a class from 0 to 2 is expected"),
        (CLASSES, (X, [1]), "y is a list of 1; a class from 0 to 2 is expected"),
        (CLASSES, (X, "ant"), "y is a str; a class from 0 to 2 is expected"),
        (CLASSES, (X, None), "y is a NoneType; a class from 0 to 2 is expected"),
        (CLASSES, (X, 2**70), f"y is {2**70}; a class from 0 to 2 is expected"),
        (CLASSES, (X, 1e30), "y is 1e+30; a class from 0 to 2 is expected"),
        (CLASSES, (X, [[1], [1, 2]]), "y is a list of 2; a class from 0 to 2 is expected"),
        (CLASSES, (X, 1j), "y is a complex; a class from 0 to 2 is expected"),
        (NUMBERS, (X, [[1], [1, 2]]), "y is a list of 2; 2 numbers are expected, one for each label"),
        (NUMBERS, (X, [1, float("inf")]), "y is [1.0, inf]; every target must be finite as float32"),
        (NUMBERS, (X, [1e300, 0.0]), "y is [1e+300, 0.0]; every target must be finite as float32"),
        (NUMBERS, (X, 1.0), "y is 1.0; 2 numbers are expected, one for each label"),
        (NUMBERS, (X, ["a", "b"]), "y is a list of 2; 2 numbers are expected, one for each label"),
        (NUMBERS, (X, [[1], [2]]), "y is a list of 2; 2 numbers are expected, one for each label"),
        (NUMBERS, (X, torch.tensor([1j, 2])), "y is complex64 [2]; 2 numbers are expected, one for each label"),
    ],
)
def test_what_was_found_instead_is_told(sample: Sample, found: Any, words: str) -> None:
    assert refusal(lambda: sample(found, "train a[4]")) == f"train a[4]: {words}"


def test_a_picture_that_fails_when_its_pixels_are_asked_for_is_a_corrupt_sample() -> None:
    closed = noise(0)
    closed.close()
    with pytest.raises(CorruptSample, match=r"^a\[0\]: cannot be read as an image: ValueError: Operation on closed"):
        Sample(GREY, 2, "classes")((closed, 1), "a[0]")
