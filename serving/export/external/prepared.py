"""Any network as a function of tensors alone: each is put where forward has it, and what it gives is flattened."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from torchferry.serving.export.external.binding import Binding
from torchferry.serving.export.external.flattened import flattened
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.external.probabilities import Sigmoids, as_logits, found, of_graph
from torchferry.serving.export.recurrent.torchs_functions import any_order
from torchferry.serving.export.samples import Samples
from torchferry.training.models.normalized import Normalized
from torchferry.training.tasks.task import TrainingTask

LOOKED_AT = 8
"""Samples by which probabilities are told from logits."""


class Prepared(nn.Module):
    """The network behind the normalisation of each of its inputs. It gives what the task picks, or else a tensor, or a
    tuple of several."""

    def __init__(
        self, network: nn.Module, inputs: Sequence[GivenInput], binding: Binding, task: TrainingTask | None = None
    ) -> None:
        super().__init__()
        self.network, self.binding, self.task = network, binding, task
        self.made_by: dict[str, str] = {}
        self.prepare = nn.ModuleList(Normalized(nn.Identity(), each.of) for each in inputs)

    def forward(self, *inputs: torch.Tensor) -> Any:
        """What is None is left out. Probabilities are given as logits where `take_probabilities` has found some."""
        return as_logits(self._taken(self.given(*inputs)), self.made_by)

    @torch.inference_mode()
    def take_probabilities(self, test: Samples) -> None:
        """Where the network gives them to a task that takes logits: its own softmax or sigmoid would else be a second
        one. That is said."""
        if self.task is None:
            return
        try:
            with Sigmoids() as sigmoids:
                given = self.given(*test.tensors(LOOKED_AT))
            taken = self._taken(given)
        except Exception:  # a network that does not take its inputs is refused where its outputs are looked at
            return
        self.made_by = found(taken, self.task, [*sigmoids.given, *of_graph(self.network, given)])

    def _taken(self, given: Any) -> Any:
        picked: Any = None if self.task is None else self.task.picked(given)
        if picked is None:
            tensors = tuple(value for value in flattened(given).values() if value is not None)
            picked = tensors if len(tensors) > 1 else tensors[0]
        return picked

    def given(self, *inputs: torch.Tensor) -> Any:
        """As the network gives it."""
        tensors = [part(value) for part, value in zip(self.prepare, inputs, strict=True)]
        arguments, keywords = self.binding.filled(tensors)
        with any_order():
            return self.network(*arguments, **keywords)
