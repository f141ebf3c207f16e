"""The share of each label in the training data, for servers to hold their answers against."""

from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples


def label_shares(reference: Reference, truth: np.ndarray | None) -> list[float]:
    """0..1 by the order of the labels; empty where there are no classes, or no targets.

    Of the training samples, if their targets are at hand without reading each sample, otherwise of `truth`, the test
    samples' classes.
    """
    if reference.task not in ("classification", "binary"):
        return []
    classes = _targets(reference.calibration) if reference.calibration else None
    if classes is None:
        classes = truth
    if classes is None or not len(classes):
        return []
    counts = np.bincount(classes, minlength=len(reference.labels))
    return [round(float(share), 6) for share in counts / counts.sum()]


def _targets(samples: Samples) -> np.ndarray | None:
    """The class of every sample, where the data set has them in one piece, as torchvision's do in `targets`."""
    data: Any = samples.data
    if isinstance(data, TensorDataset):
        targets = data.tensors[len(samples.names)] if len(data.tensors) > len(samples.names) else None
    else:
        targets = getattr(data, "targets", None)
    return None if targets is None else torch.as_tensor(targets).reshape(-1).numpy().astype(np.int64)
