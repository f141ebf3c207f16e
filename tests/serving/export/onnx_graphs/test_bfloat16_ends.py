"""Graphs of bfloat16 that are asked in float32."""

import numpy as np

from tests.serving.export.onnx_graphs.graphs import ROWS, graph
from torchferry.serving.export.onnx_graphs.bfloat16_ends import with_float32_ends
from torchferry.serving.export.onnx_graphs.onnx_network import computed

MIXED = """graph (bfloat16[N, 2] x, float[N, 2] z) => (bfloat16[N, 2] y, bfloat16[N, 2] x2, float[N, 2] w) {
  y = Identity(x) x2 = Identity(y) w = Neg(z)
}"""


def test_it_takes_and_gives_float32_of_the_same_names() -> None:
    made = with_float32_ends(graph(MIXED))
    x = np.array([[1.0, 1.001], [3e38, -0.0]], np.float32)
    given = computed(made, {"x": x, "z": x})
    for name in ("y", "x2"):
        assert given[name].dtype == np.float32
        np.testing.assert_array_equal(given[name].view(np.uint32), [[0x3F800000, 0x3F800000], [0x7F620000, 1 << 31]])
    np.testing.assert_array_equal(given["w"], -x)


def test_an_input_that_is_an_output_too() -> None:
    made = with_float32_ends(graph("graph (bfloat16[N] x) => (bfloat16[N] y) { y = Identity(x) }"))
    assert computed(made, {"x": np.ones(3, np.float32)})["y"].tolist() == [1, 1, 1]


def test_a_graph_without_bfloat16_stays_itself() -> None:
    own = graph(ROWS)
    assert with_float32_ends(own) is own
