"""Any network as a function of tensors alone: each is put where forward has it, and what it gives is flattened."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from torchferry.serving.export.external.binding import Binding
from torchferry.serving.export.external.flattened import flattened
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.training.models.normalized import Normalized
from torchferry.training.tasks.task import TrainingTask


class Prepared(nn.Module):
    """The network behind the normalisation of each of its inputs. It gives what the task picks, or else a tensor, or a
    tuple of several."""

    def __init__(
        self, network: nn.Module, inputs: Sequence[GivenInput], binding: Binding, task: TrainingTask | None = None
    ) -> None:
        super().__init__()
        self.network, self.binding, self.task = network, binding, task
        self.prepare = nn.ModuleList(Normalized(nn.Identity(), each.of) for each in inputs)

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What is None is left out."""
        given = self.given(*inputs)
        if self.task is not None and (picked := self.task.picked(given)) is not None:
            return picked
        tensors = tuple(value for value in flattened(given).values() if value is not None)
        return tensors[0] if len(tensors) == 1 else tensors

    def given(self, *inputs: torch.Tensor) -> Any:
        """As the network gives it."""
        tensors = [part(value) for part, value in zip(self.prepare, inputs, strict=True)]
        arguments, keywords = self.binding.filled(tensors)
        return self.network(*arguments, **keywords)
