"""Draws samples of each class as often as the recipe says."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch.utils.data import TensorDataset

from torchferry.errors import UserError
from torchferry.training.data.order import weighted
from torchferry.training.data.source import Source

KEY = "data.sampling"


def sampling_order(source: Source, sampling: str | list[float]) -> Callable[[int, int], np.ndarray] | None:
    """(seed, epoch) to the training samples of an epoch, int64; None for each of them once. Raises UserError.

    `balanced` draws every class equally often; numbers say how often a sample of each class is drawn.
    """
    if sampling == "uniform":
        return None
    if source.targets != "classes":
        raise UserError(f"{KEY}: {sampling} goes by classes, and this data.source has none; use uniform")
    if source.order is not None:
        raise UserError(f"{KEY}: {sampling} draws samples at random, and this data.source has an order of its own")
    classes = _classes(source)
    counts = np.bincount(classes, minlength=len(source.labels))
    weights = 1 / np.maximum(counts, 1) if isinstance(sampling, str) else _weights(sampling, source.labels)
    if not weights[classes].any():
        raise UserError(f"{KEY}: {sampling} draws no sample, because those of other classes are missing")
    return weighted(len(classes), weights[classes])


def _classes(source: Source) -> np.ndarray:
    """int64 [samples]"""
    samples = source.train
    targets = samples.tensors[1] if isinstance(samples, TensorDataset) else getattr(samples, "targets", None)
    if not isinstance(targets, torch.Tensor) or len(targets) != source.train_size:
        raise UserError(f"{KEY}: this data.source does not know a sample's class before it reads it; use uniform")
    return targets.numpy()


def _weights(given: list[float], labels: tuple[str, ...]) -> np.ndarray:
    if len(given) != len(labels):
        raise UserError(f"{KEY}: has {len(given)} numbers; one for each of {len(labels)} classes is expected")
    if not all(math.isfinite(weight) and weight >= 0 for weight in given) or not any(given):
        raise UserError(f"{KEY}: {given} are no weights; give numbers of 0 or more, not all 0")
    return np.array(given, dtype=np.float64)
