"""A graph with its weights changed by a little more than float32 rounds, as of a torch network its parameters are."""

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from torchferry.serving.export.onnx_graphs.nodes import nodes_of
from torchferry.serving.export.onnx_graphs.weights import is_outside, tensors_of, values_of
from torchferry.serving.export.perturbation import perturbed_array

FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE)
ML = "ai.onnx.ml"


def perturbed_graph(model: onnx.ModelProto, chance: torch.Generator) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A copy, and by name what stands for weights that are outside of it. Trees, linear models and their like have
    their weights in attributes."""
    made, outside = onnx.ModelProto(), {}
    made.CopyFrom(model)
    for tensor in tensors_of(made.graph):
        if tensor.data_type not in FLOATS:
            continue
        values = perturbed_array(values_of(tensor), chance)
        if is_outside(tensor):
            outside[tensor.name] = values
        else:
            tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for node in nodes_of(made):
        for attribute in node.attribute:
            if _holds_weights(node, attribute):
                _perturb(attribute, chance)
    return made, outside


def _holds_weights(node: onnx.NodeProto, attribute: onnx.AttributeProto) -> bool:
    return (node.domain == ML or node.op_type == "Constant") and attribute.type in (
        onnx.AttributeProto.FLOAT,
        onnx.AttributeProto.FLOATS,
    )


def _perturb(attribute: onnx.AttributeProto, chance: torch.Generator) -> None:
    values = np.array(helper.get_attribute_value(attribute), np.float32)
    changed = perturbed_array(values, chance)
    attribute.CopyFrom(helper.make_attribute(attribute.name, changed.tolist(), attr_type=attribute.type))
