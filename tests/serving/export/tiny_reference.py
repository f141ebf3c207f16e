"""A reference that is as small as it can be, made in memory."""

from typing import Any

import torch
from torch import nn
from torch.utils.data import TensorDataset

from tests.serving import tiny_bundle
from torchferry.contract.tasks.find import task_of
from torchferry.contract.tasks.task import Task
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import Served, TrainingTask

ROWS = torch.tensor([[1.0, 2, 3], [4, 5, 6], [0, 0, 9], [-1, 1, 0], [2, 2, 2], [0.5, 0, 7]])
CLASSES = torch.tensor([0, 1, 0, 0, 1, 0])


def half(name: str, labels: tuple[str, ...] = ()) -> TrainingTask:
    return half_of(task_of(name, labels))


def tiny_reference(
    task: str | Task = "classification",
    labels: tuple[str, ...] = ("no", "yes"),
    outputs: tuple[TensorSpec, ...] | None = None,
    **change: Any,
) -> Reference:
    """Rows of three numbers, and which of two classes each is; nothing is trained."""
    torch.manual_seed(0)
    bundle = tiny_bundle.described(task=task, labels=labels, outputs=outputs)
    samples = Samples(TensorDataset(ROWS, CLASSES), ("row",))
    content: dict[str, Any] = {
        "name": bundle.name,
        "task": bundle.task,
        "module": Served(nn.Linear(3, 2), half_of(bundle.task)).eval(),
        "inputs": bundle.inputs,
        "outputs": bundle.outputs,
        "test": samples,
        "calibration": samples,
        "limits": {},
        "provenance": {"trained_with_torch": "2.0"},
    }
    return Reference(**content | change)
