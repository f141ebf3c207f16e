"""scikit-learn's embedded handwritten digits: 1,797 scans, 8 x 8 pixels, grey values 0..16."""

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import Dataset, TensorDataset

from torchferry.errors import UserError
from torchferry.training.data.arguments import at_least, checked, takes_arguments_of
from torchferry.training.data.pictures.array_pictures import ArrayPictures
from torchferry.training.data.several import SeveralTargets, label_of
from torchferry.training.data.source import Source, TargetScale


@checked
@takes_arguments_of(said=ArrayPictures)
def digits(
    test_fraction: float = 0.2,
    split_seed: int = 0,
    size: int = 8,
    targets: Literal["classes", "several"] = "classes",
    *,
    said: ArrayPictures,
) -> Source:
    """scikit-learn's 1,797 scans of handwritten digits, grey, 8 x 8; part of the package, so nothing is downloaded.

    Split by class with `split_seed` alone, so that the run's seed never moves a sample into the test set.

    Args:
        test_fraction: Share of the scans that is held out, between 0 and 1.
        split_seed: Decides which ones.
        size: Height and width, so that a network for 28 x 28 pixels can be tried without a download.
        targets: classes, or several: digit, the class, and ink, the mean grey of the pixels, 0..1.
    """
    if not 0 < test_fraction < 1:
        raise UserError(f"data.source.args.test_fraction: {test_fraction} is not between 0 and 1")
    at_least(1, size=size)
    scans = load_digits()
    # 0..16 is stretched to 0..240 by a whole number, so a PNG of a scan holds the same sample exactly.
    pixels = _resized((scans.images * 15).astype(np.uint8), size)
    train, test = train_test_split(
        np.arange(len(pixels)), test_size=test_fraction, random_state=split_seed, stratify=scans.target
    )
    scaled = pixels[train] / 255
    own = ((float(scaled.mean()),), (float(scaled.std()),))
    source = Source(
        train=_samples(pixels, scans.target, train),
        test=_samples(pixels, scans.target, test),
        labels=tuple(str(name) for name in scans.target_names),
        input=said.input(size, size, "L", own),
    )
    return source if targets == "classes" else _with_ink(source)


def _resized(scans: np.ndarray, size: int) -> np.ndarray:
    if scans.shape[1:] == (size, size):
        return scans
    return np.stack(
        [np.asarray(Image.fromarray(scan).resize((size, size), Image.Resampling.BILINEAR)) for scan in scans]
    )


def _samples(pixels: np.ndarray, classes: np.ndarray, indices: np.ndarray) -> TensorDataset:
    # unsqueeze gives the new axis the usual stride, numpy's None another, and then convolutions take the images for
    # channels-last ones, whose gradients DDP has to copy.
    images = torch.from_numpy(pixels[indices]).unsqueeze(1)
    return TensorDataset(images, torch.from_numpy(classes[indices].astype(np.int64)))


def _with_ink(source: Source) -> Source:
    train, test = (_two_targets(samples) for samples in (source.train, source.test))
    ink = train.targets["ink"].double()
    return replace(
        source,
        train=train,
        test=test,
        targets="several",
        parts={"digit": "classes", "ink": "values"},
        labels=(*(label_of("digit", each) for each in source.labels), label_of("ink", "grey")),
        target_scale={"ink": TargetScale(mean=(float(ink.mean()),), std=(float(ink.std()),))},
    )


def _two_targets(samples: Dataset) -> SeveralTargets:
    assert isinstance(samples, TensorDataset)
    images, digits = samples.tensors
    return SeveralTargets(images, {"digit": digits, "ink": images.flatten(1).double().mean(dim=1, keepdim=True) / 255})
