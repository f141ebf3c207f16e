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
