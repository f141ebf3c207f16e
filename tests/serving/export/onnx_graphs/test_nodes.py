"""Nodes are found wherever they lie in a graph."""

from tests.serving.export.onnx_graphs.graphs import graph
from torchferry.serving.export.onnx_graphs.nodes import inner_graphs, nodes_in, nodes_of

IF = """graph (bool c) => (float[1] y) { y = If (c) <then_branch = a () => (float[1] p) { p = Constant <value_floats =
[1.0]> () }, else_branch = b () => (float[1] q) { q = Constant <value_floats = [2.0]> () }> }"""


def test_bodies_of_nodes_are_found() -> None:
    model = graph(IF)
    assert [each.name for each in inner_graphs(model.graph.node[0])] == ["a", "b"]
    assert [node.op_type for node in nodes_of(model)] == ["If", "Constant", "Constant"]
    assert [node.op_type for node in nodes_in([model.graph])] == ["If", "Constant", "Constant"]
