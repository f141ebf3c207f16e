"""The share of each label in the training data, for servers to hold their answers against."""

from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import TrainingTask, as_numpy


def label_shares(reference: Reference, tested: np.ndarray) -> list[float]:
    """0..1 by the order of the labels that the task counts; empty where it counts none, or there are no targets.

    Of the training samples, if their targets are at hand without reading each sample, otherwise of the test samples,
    whose counts are `tested`.
    """
    task = reference.task
    if not task.counted:
        return []
    targets = _targets(reference.calibration, half_of(task)) if reference.calibration else None
    counts = tested if targets is None else task.counts_of(targets)
    return [round(float(share), 6) for share in counts / counts.sum()] if counts.sum() else []


def _targets(samples: Samples, task: TrainingTask) -> Any:
    """Of every sample, where the data set has them in one piece, as torchvision's do in `targets`."""
    data: Any = samples.data
    if isinstance(data, TensorDataset):
        held = list(data.tensors[len(samples.names) :])
        return as_numpy(task.of_tensors(held)) if held else None
    targets = getattr(data, "targets", None)
    return None if targets is None else torch.as_tensor(targets).numpy()
