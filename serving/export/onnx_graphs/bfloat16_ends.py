"""Inputs and outputs of bfloat16, which numpy has not, in float32: each number of it is one of float32, so that a cast
at the ends of the graph changes none. Servers still say BF16 of them, and send and take its two bytes."""

import onnx
from onnx import TensorProto, helper

from torchferry.serving.export.onnx_graphs.graph_names import names_of, rename


def with_float32_ends(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph itself where it has none of bfloat16."""
    if not any(map(_is_bfloat16, (*model.graph.input, *model.graph.output))):
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    graph, (inputs, outputs) = made.graph, names_of(made)
    rename(made, [*map(_inside, graph.input)], [*map(_inside, graph.output)])
    before = [_cast(value.name, name, value) for value, name in zip(graph.input, inputs, strict=True)]
    behind = [_cast(value.name, name, value) for value, name in zip(graph.output, outputs, strict=True)]
    nodes = [
        *(helper.make_node("Cast", [name], [own], own, to=TensorProto.BFLOAT16) for own, name in before if own != name),
        *graph.node,
        *(helper.make_node("Cast", [own], [name], name, to=TensorProto.FLOAT) for own, name in behind if own != name),
    ]
    del graph.node[:]
    graph.node.extend(nodes)
    return made


def _cast(own: str, name: str, value: onnx.ValueInfoProto) -> tuple[str, str]:
    """What the graph calls it inside, and the name that it gets back, as float32."""
    if own != name:
        value.name, value.type.tensor_type.elem_type = name, TensorProto.FLOAT
    return own, name


def _inside(value: onnx.ValueInfoProto) -> str:
    return f"{value.name}:bfloat16" if _is_bfloat16(value) else value.name


def _is_bfloat16(value: onnx.ValueInfoProto) -> bool:
    return bool(value.type.tensor_type.elem_type == TensorProto.BFLOAT16)
