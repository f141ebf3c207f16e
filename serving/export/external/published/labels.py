"""The classes of published weights as the labels of a network that knows as many."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from torchferry.errors import UserError
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.external.published.preprocessing import Preprocessing
from torchferry.training.data.source import blank
from torchferry.training.tasks.task import Raw, TrainingTask


def labels_that_fit(
    taken: Preprocessing | None, module: nn.Module, inputs: Sequence[GivenInput], task: TrainingTask | None
) -> tuple[str, ...]:
    """Printed where they are taken: where the task that was asked for finds as many in what `module` gives for
    `inputs`, or where nobody named a task, one number for each of them."""
    if taken is None or not taken.labels:
        return ()
    try:
        with torch.inference_mode():
            given = module.eval()(*(blank(each.of, 2) for each in inputs))
    except Exception:  # a network that does not take its inputs is refused where its outputs are looked at
        return ()
    if not (_gives_one_of_each(given, taken.labels) if task is None else _has_as_many(task, given, len(taken.labels))):
        return ()
    print(f"labels: the {len(taken.labels):,} classes of {taken.origin}; --labels gives others", flush=True)
    return taken.labels


def _gives_one_of_each(given: Any, labels: Sequence[str]) -> bool:
    return isinstance(given, torch.Tensor) and given.shape[1:] == (len(labels),)


def _has_as_many(task: TrainingTask, given: Raw, labels: int) -> bool:
    try:
        return task.labels_in(given, "--task") == labels
    except UserError:
        return False
