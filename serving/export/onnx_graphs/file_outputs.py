"""The outputs of an .onnx file that are served: scikit-learn's dictionaries of scores become tensors, sequences of a
known number of tensors one output for each, words are left out where scores say the same, and --outputs keeps some."""

from collections.abc import Sequence
from pathlib import Path

import onnx
from onnx import helper

from torchferry.errors import UserError, some
from torchferry.nearest import did_you_mean

KINDS = ("classlabels_strings", "classlabels_int64s")
"""The attributes of a ZipMap that hold the classes."""
ML = "ai.onnx.ml"


def served_outputs(
    model: onnx.ModelProto, kept: Sequence[str], path: Path
) -> tuple[onnx.ModelProto, dict[str, tuple[str, ...]]]:
    """The graph with the outputs that are served, `kept` alone where some are named, and by output the classes that the
    graph names. Raises UserError for an output that it does not have. Says what is left out."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    labels: dict[str, tuple[str, ...]] = {}
    for node in [*made.graph.node]:
        if node.op_type == "ZipMap" and node.domain == ML:
            labels |= _replaced(made.graph, node)
    _take_sequences_apart(made.graph)
    names = [each.name for each in made.graph.output]
    if unknown := [name for name in kept if name not in names]:
        hint = did_you_mean(unknown[0], names, f"it has {some(names)}")
        raise UserError(f"--outputs: {path.name} has no output '{unknown[0]}'{hint}")
    wanted = [*kept] or (_without_words(made.graph, path) if labels else names)
    values = [each for each in made.graph.output if each.name in wanted]
    del made.graph.output[:]
    made.graph.output.extend(values)
    return made, {name: classes for name, classes in labels.items() if name in wanted}


def _replaced(graph: onnx.GraphProto, node: onnx.NodeProto) -> dict[str, tuple[str, ...]]:
    """A ZipMap gives a list of dictionaries, scores by the name of their class: here the tensor that it is made from,
    [batch, classes], and the names beside it."""
    name, given = node.output[0], {each.name: helper.get_attribute_value(each) for each in node.attribute}
    output = next((each for each in graph.output if each.name == name), None)
    if output is None:
        return {}
    classes = next(given[kind] for kind in KINDS if given.get(kind))
    place = [*graph.node].index(node)
    nodes = [*graph.node]
    nodes[place] = helper.make_node("Identity", [node.input[0]], [name], name)
    del graph.node[:]
    graph.node.extend(nodes)
    output.CopyFrom(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch", len(classes)]))
    return {name: tuple(each.decode() if isinstance(each, bytes) else str(each) for each in classes)}


def _take_sequences_apart(graph: onnx.GraphProto) -> None:
    """A sequence that the graph puts together of so many tensors becomes an output for each of them."""
    makers = {node.output[0]: node for node in graph.node if node.op_type == "SequenceConstruct"}
    outputs, taken = [], {name for node in graph.node for name in node.output}
    for output in graph.output:
        if output.name not in makers:
            outputs.append(output)
            continue
        element = output.type.sequence_type.elem_type
        for number, tensor in enumerate(makers[output.name].input):
            name = f"{output.name}_{number}"
            while name in taken:
                name += "_"
            graph.node.append(helper.make_node("Identity", [tensor], [name], name))
            outputs.append(onnx.ValueInfoProto(name=name, type=element))
    del graph.output[:]
    graph.output.extend(outputs)


def _without_words(graph: onnx.GraphProto, path: Path) -> list[str]:
    """Of the outputs of a classifier whose scores name the classes, those that are no words."""
    words = [each.name for each in graph.output if each.type.tensor_type.elem_type == onnx.TensorProto.STRING]
    others = [each.name for each in graph.output if each.name not in words]
    if words:
        print(f"--model: {path.name} gives words in {some(words)}, which is left out", flush=True)
    return others
