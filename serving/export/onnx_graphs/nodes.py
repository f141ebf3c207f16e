"""The nodes of a graph, with those of the graphs in them."""

from collections.abc import Iterable, Iterator, Sequence

import onnx

Body = onnx.GraphProto | onnx.FunctionProto


def nodes_of(model: onnx.ModelProto) -> Iterator[onnx.NodeProto]:
    """Those of its graph, of its functions and of the graphs in them."""
    return nodes_in([model.graph, *model.functions])


def nodes_in(bodies: Iterable[Body]) -> Iterator[onnx.NodeProto]:
    """And of the graphs in them."""
    left = list(bodies)
    while left:
        for node in left.pop().node:
            yield node
            left += inner_graphs(node)


def inner_graphs(node: onnx.NodeProto) -> Sequence[onnx.GraphProto]:
    """The bodies of If, Loop and Scan."""
    return [graph for each in node.attribute for graph in ([each.g] if each.HasField("g") else [*each.graphs])]
