"""State whose batch is another axis than the first, as that of torch's LSTM and GRU, [layers, batch, size]: what is
served has it first, and it is moved before the network and behind it. `--state IN=OUT@AXIS` says it of both."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import onnx
import torch
from onnx import helper
from torch import nn

from torchferry.errors import UserError
from torchferry.serving.export.external.binding import Binding
from torchferry.serving.export.external.flattened import flattened, name_of
from torchferry.serving.export.external.input_spec import GivenInput
from torchferry.serving.export.external.nested_inputs import Place
from torchferry.serving.export.external.tensor_names import legal_names
from torchferry.serving.export.onnx_graphs.graph_names import names_of, rename
from torchferry.serving.export.state import OPTION, Pair

Axes = Mapping[str, int]
"""By the name that is served."""
FIRST = "batch"
"""The name of a graph's axis."""


class BatchMoved(nn.Module):
    """A network that takes its inputs in their order, each with the batch first, and gives what it gives by name."""

    def __init__(self, network: nn.Module, binding: Binding, pairs: Sequence[Pair]) -> None:
        super().__init__()
        self.network, self.binding = network, binding
        self.inputs, self.outputs = _axes(pairs)

    def forward(self, *tensors: torch.Tensor) -> dict[str, Any]:
        names = self.binding.names
        moved = [value.movedim(0, self.inputs.get(name, 0)) for name, value in zip(names, tensors, strict=True)]
        arguments, keywords = self.binding.filled(moved)
        given = flattened(self.network(*arguments, **keywords))
        given = {path: value for path, value in given.items() if value is not None}
        outputs, _ = legal_names([name_of(path) for path in given], names)
        return {
            name: value.movedim(self.outputs[name], 0) if name in self.outputs else value
            for name, value in zip(outputs, given.values(), strict=True)
        }


def with_batch_first(
    network: nn.Module, binding: Binding, inputs: Sequence[GivenInput], pairs: Sequence[Pair]
) -> tuple[nn.Module, Binding]:
    """The network, bound, with the batch first everywhere; itself where it is there already. Raises UserError for an
    axis that an input does not have."""
    axes, _ = _axes(pairs)
    for each in inputs:
        if (axis := axes.get(each.name, 0)) > len(each.of.shape):
            raise UserError(f"{OPTION}: '{each.name}' has {1 + len(each.of.shape)} axes with the batch, from 0 on, and "
                            f"none of them is {axis}")  # fmt: skip
    if not axes:
        return network, binding
    places = tuple(map(Place, range(len(inputs))))
    return BatchMoved(network, binding, pairs), dataclasses.replace(binding, arguments=places, keywords={})


def graph_with_batch_first(model: onnx.ModelProto, pairs: Sequence[Pair]) -> onnx.ModelProto:
    """The same of an ONNX graph. Raises UserError for an axis that a tensor of it does not have."""
    axes = _axes(pairs)
    if not axes[0]:
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    names = names_of(made)
    for values, known in zip((made.graph.input, made.graph.output), axes, strict=True):
        for value in values:
            if value.name in known:
                _check_axis(value, known[value.name])
    rename(made, *([f"{name}:moved" if name in known else name for name in own]
                   for own, known in zip(names, axes, strict=True)))  # fmt: skip
    before = [_moved(value, axes[0][name], is_input=True)
              for name, value in zip(names[0], made.graph.input, strict=True) if name in axes[0]]  # fmt: skip
    behind = [_moved(value, axes[1][name], is_input=False)
              for name, value in zip(names[1], made.graph.output, strict=True) if name in axes[1]]  # fmt: skip
    nodes = [*before, *made.graph.node, *behind]
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made


def _axes(pairs: Sequence[Pair]) -> tuple[dict[str, int], dict[str, int]]:
    moved = [pair for pair in pairs if pair.axis]
    return {pair.input: pair.axis for pair in moved}, {pair.output: pair.axis for pair in moved}


def _check_axis(value: onnx.ValueInfoProto, axis: int) -> None:
    known = value.type.tensor_type.HasField("shape")
    if not known or axis >= (count := len(value.type.tensor_type.shape.dim)):
        has = f"has {count} axes, from 0 on, and none of them is" if known else "does not say that it has an axis"
        raise UserError(f"{OPTION}: '{value.name}' {has} {axis}")


def _moved(value: onnx.ValueInfoProto, axis: int, *, is_input: bool) -> onnx.NodeProto:
    """The node between the graph's own value and the one that is served, which `value` becomes."""
    inside, name = value.name, value.name.removesuffix(":moved")
    dims = value.type.tensor_type.shape.dim
    order = [axis, *(each for each in range(len(dims)) if each != axis)]
    served = [onnx.TensorShapeProto.Dimension(dim_param=FIRST), *(dims[each] for each in order[1:])]
    served = [onnx.TensorShapeProto.Dimension.FromString(each.SerializeToString()) for each in served]
    value.name = name
    del dims[:]
    dims.extend(served)
    if is_input:
        back = [order.index(each) for each in range(len(order))]
        return helper.make_node("Transpose", [name], [inside], f"{name}:moved", perm=back)
    return helper.make_node("Transpose", [inside], [name], f"{name}:moved", perm=order)
