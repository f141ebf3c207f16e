"""scikit-learn's embedded handwritten digits: 1,797 scans, 8 x 8 pixels, grey values 0..16."""

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import TensorDataset

from training.data.source import ImageInput, Source
from training.errors import UserError


def digits(test_fraction: float = 0.2, split_seed: int = 0) -> Source:
    """Split by class with `split_seed` alone, so that the run's seed never moves a sample into the test set."""
    if not 0 < test_fraction < 1:
        raise UserError(f"data.source.args.test_fraction: {test_fraction} is not between 0 and 1")
    scans = load_digits()
    # 0..16 is stretched to 0..240 by a whole number, so a PNG of a scan holds the same sample exactly.
    pixels = (scans.images * 15).astype(np.uint8)[:, None]
    train, test = train_test_split(
        np.arange(len(pixels)), test_size=test_fraction, random_state=split_seed, stratify=scans.target
    )
    scaled = pixels[train] / 255
    return Source(
        train=_samples(pixels, scans.target, train),
        test=_samples(pixels, scans.target, test),
        labels=tuple(str(name) for name in scans.target_names),
        input=ImageInput(mode="L", height=8, width=8, mean=(float(scaled.mean()),), std=(float(scaled.std()),)),
    )


def _samples(pixels: np.ndarray, classes: np.ndarray, indices: np.ndarray) -> TensorDataset:
    return TensorDataset(torch.from_numpy(pixels[indices]), torch.from_numpy(classes[indices].astype(np.int64)))
