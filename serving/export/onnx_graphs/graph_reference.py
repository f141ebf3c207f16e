"""The reference of a model that came as a graph, whose weights are no parameters of torch's."""

import copy
from dataclasses import dataclass, replace
from typing import Self

import onnx
import torch

from torchferry.errors import some
from torchferry.serving.export.in_double import InDouble
from torchferry.serving.export.onnx_graphs.nodes import nodes_of
from torchferry.serving.export.onnx_graphs.onnx_network import OnnxNetwork
from torchferry.serving.export.perturbation import perturb
from torchferry.serving.export.reference import Reference

OF_CHANCE = {
    *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
    *("Bernoulli", "Multinomial", "Dropout"),
}


@dataclass(frozen=True, kw_only=True)
class GraphReference(Reference):
    network: OnnxNetwork
    """Within `module`, which prepares its inputs and makes answers of its outputs."""

    def perturbed(self, chance: torch.Generator) -> Self:
        network = self.network.perturbed(chance)
        module = copy.deepcopy(self.module, {id(self.network): network})
        perturb(module, chance)
        return replace(self, module=module, network=network)

    def in_double(self) -> InDouble:
        """Raises CannotBuild where ONNX Runtime does not compute all of the graph in float64."""
        return self._doubled(copy.deepcopy(self.module, {id(self.network): self.network.in_double()}))

    @property
    def graph(self) -> onnx.ModelProto:
        return self.network.model

    @property
    def keeps(self) -> bool:
        return False

    @property
    def way_from_chance(self) -> str:
        found = {node.op_type for node in nodes_of(self.network.model)} & OF_CHANCE
        return f"take {some(sorted(found)) if found else 'what is random'} out of the graph"
