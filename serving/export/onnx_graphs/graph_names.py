"""Names for the inputs and outputs of an ONNX graph, whatever it calls the values between them."""

from collections.abc import Iterator, Mapping, Sequence

import onnx

from torchferry.serving.export.onnx_graphs.nodes import inner_graphs

Ends = tuple[list[str], list[str]]


def names_of(model: onnx.ModelProto) -> Ends:
    """Of the inputs and the outputs, in their order."""
    return [value.name for value in model.graph.input], [value.name for value in model.graph.output]


def rename(model: onnx.ModelProto, inputs: Sequence[str], outputs: Sequence[str]) -> None:
    """Call the graph's inputs and outputs so, in their order; no two names may be the same.

    A value of the graph's own that has one of these names gets another. An output that is an input, a constant or
    another output becomes a value of its own.
    """
    _separate_outputs(model.graph)
    before = [name for names in names_of(model) for name in names]
    new = dict(zip(before, [*inputs, *outputs], strict=True))
    wanted, own = set(new.values()), set(_values(model.graph))
    for name in sorted((own & wanted) - set(new)):
        new[name] = _free(name, own | wanted)
        own.add(new[name])
    _apply(model.graph, new)


def name_nodes(model: onnx.ModelProto) -> None:
    """Each node of the graph gets a name that no other has, that of its first output where it has none of its own: by
    it people, and quantisation, tell it from others."""
    taken, seen = {node.name for node in model.graph.node}, set[str]()
    for node in model.graph.node:
        if not node.name or node.name in seen:
            wanted = node.name or next(filter(None, node.output), node.op_type)
            node.name = _free(wanted, taken) if wanted in taken else wanted
            taken.add(node.name)
        seen.add(node.name)


def hide(model: onnx.ModelProto) -> Ends:
    """Call inputs and outputs by what no tool derives a name from, and return what they were called.

    Tools that change a graph call their new values after old ones: quantised, an input `image` brings an `image_scale`.
    """
    inputs, outputs = names_of(model)
    rename(model, hidden("input", len(inputs)), hidden("output", len(outputs)))
    return inputs, outputs


def hidden(kind: str, count: int) -> list[str]:
    return [f"{kind}:{number}" for number in range(count)]


def _separate_outputs(graph: onnx.GraphProto) -> None:
    taken, seen = set(_values(graph)), {value.name for value in (*graph.input, *graph.initializer)}
    for output in graph.output:
        if output.name in seen:
            name = _free(output.name, taken)
            graph.node.append(onnx.helper.make_node("Identity", [output.name], [name], name))
            output.name = name
            taken.add(name)
        seen.add(output.name)


def _free(name: str, taken: set[str]) -> str:
    return next(free for number in range(len(taken) + 1) if (free := f"{name}__{number}") not in taken)


def _values(graph: onnx.GraphProto) -> Iterator[str]:
    """Of the graph and of those in its nodes, which may not have names of it."""
    for value in (*graph.input, *graph.initializer, *graph.output):
        yield value.name
    for node in graph.node:
        yield from node.output
        for inner in inner_graphs(node):
            yield from _values(inner)


def _apply(graph: onnx.GraphProto, new: Mapping[str, str]) -> None:
    for value in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        value.name = new.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [new.get(name, name) for name in node.input]
        node.output[:] = [new.get(name, name) for name in node.output]
        for inner in inner_graphs(node):
            _apply(inner, new)
