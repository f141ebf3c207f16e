"""Any network as a function of tensors alone: each is put where forward has it, and what it gives is flattened."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from torchferry.serving.export.external.binding import Binding
from torchferry.serving.export.external.flattened import flattened
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.samples import Samples
from torchferry.training.models.normalized import Normalized
from torchferry.training.tasks.task import TrainingTask

LOOKED_AT = 32
"""Samples by which probabilities are told from logits."""
ROUNDED = 1e-3
"""By how much they may miss 1 together."""


class Prepared(nn.Module):
    """The network behind the normalisation of each of its inputs. It gives what the task picks, or else a tensor, or a
    tuple of several."""

    def __init__(
        self, network: nn.Module, inputs: Sequence[GivenInput], binding: Binding, task: TrainingTask | None = None
    ) -> None:
        super().__init__()
        self.network, self.binding, self.task = network, binding, task
        self.takes_log = False
        self.prepare = nn.ModuleList(Normalized(nn.Identity(), each.of) for each in inputs)

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What is None is left out. Probabilities are given as their logarithm where `take_log` has said so."""
        given = self.given(*inputs)
        picked: Any = None if self.task is None else self.task.picked(given)
        if picked is None:
            tensors = tuple(value for value in flattened(given).values() if value is not None)
            picked = tensors if len(tensors) > 1 else tensors[0]
        return picked.log() if self.takes_log else picked

    @torch.inference_mode()
    def take_log(self, test: Samples) -> None:
        """Where the network gives probabilities to a task that takes logits, of which log probabilities are some: the
        task's softmax would else be a second one. That is said."""
        if self.task is None or not self.task.takes_log_probabilities:
            return
        try:
            given = self(*test.tensors(LOOKED_AT))
        except Exception:  # a network that does not take its inputs is refused where its outputs are looked at
            return
        if isinstance(given, torch.Tensor) and given.is_floating_point() and _are_probabilities(given):
            self.takes_log = True
            print("--model: its scores are probabilities already, so that no softmax is put behind them", flush=True)

    def given(self, *inputs: torch.Tensor) -> Any:
        """As the network gives it."""
        tensors = [part(value) for part, value in zip(self.prepare, inputs, strict=True)]
        arguments, keywords = self.binding.filled(tensors)
        return self.network(*arguments, **keywords)


def _are_probabilities(given: torch.Tensor) -> bool:
    sums = given.sum(dim=-1)
    return (
        given.dim() == 2
        and given.shape[1] > 1
        and bool(((given >= 0).all() and (sums - 1).abs().max() < ROUNDED).item())
    )
