"""A graph in float64: its weights and constants, what it casts to and what it says of its values."""

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.onnx_graphs.nodes import inner_graphs
from torchferry.serving.export.onnx_graphs.weights import is_large, tensors_of

NARROW = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16)
DATATYPES = ("to", "dtype", "output_datatype")
"""Attributes that say what an operator makes."""


def double_graph(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy; whether a runtime has all its operators in float64 is not known. Raises CannotBuild for a large one."""
    if is_large(model):
        raise CannotBuild("its weights would take twice their memory, which is 2 GB or more")
    made = onnx.ModelProto()
    made.CopyFrom(model)
    for tensor in tensors_of(made.graph):
        if tensor.data_type in NARROW:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for graph in _graphs(made.graph):
        del graph.value_info[:]
        for value in (*graph.input, *graph.output):
            _double(value.type)
        for node in graph.node:
            _double_attributes(node)
    return made


def _graphs(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    yield graph
    for node in graph.node:
        for inner in inner_graphs(node):
            yield from _graphs(inner)


def _double(of: onnx.TypeProto) -> None:
    if of.HasField("tensor_type") and of.tensor_type.elem_type in NARROW:
        of.tensor_type.elem_type = TensorProto.DOUBLE


def _double_attributes(node: onnx.NodeProto) -> None:
    for attribute in [*node.attribute]:
        if attribute.name in DATATYPES and attribute.i in NARROW:
            attribute.i = TensorProto.DOUBLE
        if node.op_type == "Constant" and attribute.name in ("value_float", "value_floats"):
            values = np.array(helper.get_attribute_value(attribute), np.float64)
            attribute.CopyFrom(helper.make_attribute("value", numpy_helper.from_array(values)))
    if node.op_type == "ConstantOfShape" and not node.attribute:  # float32 zeros
        node.attribute.append(helper.make_attribute("value", numpy_helper.from_array(np.zeros(1))))
