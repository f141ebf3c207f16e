"""A model as it will be served: what every variant is made from and measured against."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import onnx
import torch
from torch import nn

from torchferry.contract.tasks.task import Task
from torchferry.serving.bundle.bundle import TensorSpec
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.statement import Origin
from torchferry.serving.session.capped_session import in_parts


@dataclass(frozen=True, kw_only=True)
class Reference:
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
    graph: onnx.ModelProto | None = None
    """Of a model that came as one: `module` computes it by ONNX Runtime, and no torch program can be made of it."""
    max_batch: int | None = None
    """The most samples that are ever computed together, by servers as well as here; None is no limit."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name, computed in eager mode."""
        return in_parts(self._together, inputs, self.max_batch)

    def _together(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        with torch.inference_mode():
            given = self.module(*(torch.from_numpy(inputs[spec.name]) for spec in self.inputs))
        given = given if isinstance(given, tuple) else (given,)
        return {spec.name: value.numpy() for spec, value in zip(self.outputs, given, strict=True)}
