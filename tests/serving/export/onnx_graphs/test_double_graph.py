"""All of a graph that is float32 becomes float64, and its answers gain digits."""

import numpy as np
import pytest

from tests.serving.export.onnx_graphs.graphs import ROWS, graph
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.onnx_graphs import weights
from torchferry.serving.export.onnx_graphs.double_graph import double_graph
from torchferry.serving.export.onnx_graphs.onnx_network import computed

X = np.array([[0.1, 0.2, 0.3]])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("<float[3] w = {0.5, 0.25, 3}> { y = Mul(x, w) }", X * [0.5, 0.25, 3]),
        ("{ w = Constant <value_float = 0.5> ()  y = Mul(x, w) }", X * 0.5),
        ("{ w = Constant <value_floats = [0.5, 2, 3]> ()  y = Mul(x, w) }", X * [0.5, 2, 3]),
        ("{ h = Cast <to = 10> (x)  y = Cast <to = 1> (h) }", X),
        ("{ s = Shape(x)  z = ConstantOfShape(s)  y = Add(x, z) }", X),
        ("{ s = Shape(x)  z = ConstantOfShape <value = float[1] {0.5}> (s)  y = Add(x, z) }", X + 0.5),
        (
            "{ c = Constant <value = bool {1}> ()  y = If (c) <then_branch = a () => (float[N, 3] p) "
            "{ w = Constant <value_float = 0.5> ()  p = Mul(x, w) }, "
            "else_branch = b () => (float[N, 3] q) { q = Neg(x) }> }",
            X * 0.5,
        ),
    ],
)
def test_it_computes_in_float64(text: str, wanted: np.ndarray) -> None:
    made = double_graph(graph(f"graph (float[N, 3] x) => (float[N, 3] y) {text}"))
    answered = computed(made, {"x": X})["y"]
    assert answered.dtype == np.float64
    np.testing.assert_allclose(answered, wanted, rtol=1e-15)


def test_whole_numbers_stay_and_so_does_the_graph_itself() -> None:
    model = graph("graph (int64[N] k) => (int64[N] y) <int64[1] w = {3}> { y = Mul(k, w) }")
    assert double_graph(model) == model
    before = graph(ROWS)
    double_graph(kept := graph(ROWS))
    assert kept == before


def test_a_large_one_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "LARGEST", 1)
    with pytest.raises(CannotBuild, match="twice their memory"):
        double_graph(graph(ROWS))
