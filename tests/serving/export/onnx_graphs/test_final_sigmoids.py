"""Outputs that a sigmoid gives."""

from tests.serving.export.onnx_graphs.graphs import graph
from torchferry.serving.export.onnx_graphs.final_sigmoids import of_sigmoids


def test_they_are_found_behind_what_keeps_numbers() -> None:
    text = """graph (float[N, 3] x) => (float[N, 3] a, float[N, 3] b, float[N, 3] c, float[N, 3] x)
    { s = Sigmoid(x) a = Identity(s) f = Flatten(s) b = Identity(f) c = Relu(s) }"""
    assert of_sigmoids(graph(text)) == ["a", "b"]
