"""A model as it will be served: what every variant is made from and measured against."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np
import onnx
import torch
from torch import nn

from torchferry.contract.tasks.task import Task
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.in_double import InDouble
from torchferry.serving.export.perturbation import perturb
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.statement import Origin
from torchferry.serving.session.capped_session import in_parts


@dataclass(frozen=True, kw_only=True)
class Reference:
    """Of a network of torch; `GraphReference` is of a graph."""

    name: str
    task: Task
    """What its outputs mean, and what they are called."""
    module: nn.Module
    """In evaluation mode on the CPU, its weights in float32. Takes `inputs` in their order and gives `outputs`; what is
    done to a decoded sample before the network, and to logits or scaled values after it, is part of it."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    test: Samples
    """What it is judged on."""
    test_in_full: Samples | None = None
    """The same in the same order, its JPEGs decoded in full, where an input's `decode` is to decode them at a part of
    their size and the samples are files."""
    calibration: Samples | None
    """What quantisation may look at; None if there are no real samples."""
    limits: dict[str, float]
    """What the recipe asks of every variant, by the names of gate.Limits."""
    provenance: dict[str, str]
    origin: Origin = field(default_factory=Origin)
    files: Mapping[str, str] = field(default_factory=dict)
    """Of text, by name, that the bundle holds because an input's `decode` needs them."""
    max_batch: int | None = None
    """The most samples that are ever computed together, by servers as well as here; None is no limit."""
    state: Mapping[str, str] = field(default_factory=dict)
    """By input, the output that is its value in the next request of a sequence."""
    start: Mapping[str, np.ndarray] = field(default_factory=dict)
    """By input of the state what a sequence begins with, of one sample, without the batch."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name, computed in eager mode."""
        return in_parts(self._together, inputs, self.max_batch)

    def _together(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            given = self.module(*(torch.from_numpy(inputs[spec.name]) for spec in self.inputs))
        given = given if isinstance(given, tuple) else (given,)
        return {spec.name: value.numpy() for spec, value in zip(self.outputs, given, strict=True)}

    def perturbed(self, chance: torch.Generator) -> Self:
        """With weights changed by a little more than float32 rounds. Raises whatever a network says that cannot be
        copied."""
        module = copy.deepcopy(self.module)
        perturb(module, chance)
        return replace(self, module=module)

    def in_double(self) -> InDouble:
        """Raises whatever a network says that cannot be copied, or computed so."""
        return self._doubled(copy.deepcopy(self.module))

    def _doubled(self, module: nn.Module) -> InDouble:
        inputs, outputs = ([spec.name for spec in specs] for specs in (self.inputs, self.outputs))
        return InDouble(module, inputs, outputs)

    @property
    def graph(self) -> onnx.ModelProto | None:
        """Of a model that came as one, of which no torch program can be made."""
        return None

    @property
    def keeps(self) -> bool:
        """Whether it may keep something from one call to the next."""
        return True

    @property
    def way_from_chance(self) -> str:
        """How a network that is random in evaluation is mended."""
        return "switch off what eval() does not, such as F.dropout without training=self.training, or noise in forward"
