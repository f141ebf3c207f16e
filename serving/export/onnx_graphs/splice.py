"""Puts a file's graph where the node that stands for it is, in a graph that was traced around it."""

from collections.abc import Sequence

import onnx
from onnx import helper

from torchferry.serving.export.onnx_graphs.batch_axis import brought_to
from torchferry.serving.export.onnx_graphs.graph_names import names_of, rename
from torchferry.serving.export.onnx_graphs.onnx_file import opset_of
from torchferry.serving.export.onnx_graphs.onnx_network import DOMAIN

LEAST_OPSET = 18
"""That torch's exporter writes."""
PREFIX = "file/"


def opset_around(file: onnx.ModelProto) -> int:
    """In which the graph around it is to be traced, so that the file's own is changed as little as possible."""
    return max(LEAST_OPSET, opset_of(file))


def spliced(around: onnx.ModelProto, file: onnx.ModelProto) -> onnx.ModelProto:
    """`around` with the file's graph for its node; the file's as it is where there is nothing around it. Raises
    UserError for a file in an opset that cannot be brought to that of the graph around it."""
    (node,) = (each for each in around.graph.node if each.domain == DOMAIN)
    if len(around.graph.node) == 1 and [*node.input] == names_of(around)[0]:
        return _alone(file, around)
    inner = _inner(file, opset_of(around))
    inputs, outputs = names_of(inner)
    nodes = [
        *_passed_on(node.input, inputs),
        *inner.graph.node,
        *_passed_on(outputs, node.output),
    ]
    place = [*around.graph.node].index(node)
    made = onnx.ModelProto()
    made.CopyFrom(around)
    del made.graph.node[:]
    made.graph.node.extend([*around.graph.node[:place], *nodes, *around.graph.node[place + 1 :]])
    made.graph.initializer.extend(inner.graph.initializer)
    made.functions.extend(inner.functions)
    _keep_strings(made, node, file)
    made.ir_version = max(made.ir_version, inner.ir_version)
    _import(made, inner)
    return made


def _alone(file: onnx.ModelProto, around: onnx.ModelProto) -> onnx.ModelProto:
    """With the outputs that are kept, under their names."""
    (node,) = around.graph.node
    made = onnx.ModelProto()
    made.CopyFrom(file)
    inputs, outputs = names_of(around)
    kept = [[*node.output].index(name) for name in outputs]
    values = [made.graph.output[number] for number in kept]
    del made.graph.output[:]
    made.graph.output.extend(values)
    rename(made, inputs, outputs)
    return made


def _keep_strings(made: onnx.ModelProto, node: onnx.NodeProto, file: onnx.ModelProto) -> None:
    """The graph around it was traced with numbers for strings."""
    pairs = [*zip(node.input, file.graph.input, strict=True), *zip(node.output, file.graph.output, strict=True)]
    strings = {name for name, value in pairs if value.type.tensor_type.elem_type == onnx.TensorProto.STRING}
    for value in (*made.graph.input, *made.graph.output, *made.graph.value_info):
        if value.name in strings:
            value.type.tensor_type.elem_type = onnx.TensorProto.STRING


def _inner(file: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    made = onnx.ModelProto()
    made.CopyFrom(file)
    if 0 < opset_of(made) < opset:
        made = brought_to(made, opset)
    return onnx.compose.add_prefix(made, PREFIX)


def _passed_on(given: Sequence[str], names: Sequence[str]) -> list[onnx.NodeProto]:
    """Nodes are named apart from those that have a value's name, which ONNX Runtime refuses twice."""
    pairs = zip(given, names, strict=True)
    return [helper.make_node("Identity", [value], [name], f"{name}:passed") for value, name in pairs]


def _import(made: onnx.ModelProto, inner: onnx.ModelProto) -> None:
    """Of the domains that the whole needs; of DOMAIN nothing is left."""
    needed = {each.domain: each.version for each in (*inner.opset_import, *made.opset_import)}
    needed.pop(DOMAIN, None)
    del made.opset_import[:]
    made.opset_import.extend(helper.make_opsetid(domain, version) for domain, version in needed.items())
