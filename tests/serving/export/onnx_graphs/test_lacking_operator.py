"""The operator that a runtime says it lacks."""

import pytest

from tests.serving.export.onnx_graphs.graphs import graph
from torchferry.serving.export.onnx_graphs.lacking_operator import lacking

MODEL = graph("graph (uint32[N] x) => (uint32[N] y) { [negated] y = Neg(x) }")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "Could not find an implementation for Neg(13) node with name 'negated'",
            "ONNX Runtime has no Neg of uint32",
        ),
        ("something  else", "ONNX Runtime cannot compute its graph (something else)"),
    ],
)
def test_it_is_named_with_its_numbers(said: str, words: str) -> None:
    assert lacking(MODEL, said).startswith(words)


def test_an_old_opset_is_named() -> None:
    old = graph("graph (float[N] x) => (float[N] y) { [cut] y = Relu(x) }", '<ir_version: 3, opset_import: ["" : 5]>')
    said = "Could not find an implementation for Relu(1) node with name 'cut'"
    assert lacking(old, said).startswith("its graph is in opset 5, and ONNX Runtime computes those from 7 on")


def test_of_nodes_without_a_name_the_operator_tells() -> None:
    text = "graph (float[N] x) => (uint32[N] y) { z = Cast <to = 12> (x) y = Neg(z) }"
    said = "Could not find an implementation for Neg(13) node with name ''"
    assert lacking(graph(text), said).startswith("ONNX Runtime has no Neg of uint32 on a CPU")
    two = "graph (float[N] x) => (uint32[N] y) { w = Neg(x) z = Cast <to = 12> (w) y = Neg(z) }"
    assert lacking(graph(two), said).startswith("ONNX Runtime has no Neg on a CPU")
