"""Weights are changed wherever a graph has them, and nothing else is."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from tests.serving.export.onnx_graphs.graphs import graph
from torchferry.serving.export.onnx_graphs.onnx_network import computed, opened
from torchferry.serving.export.onnx_graphs.perturbed_graph import perturbed_graph

X = np.array([[0.25, 0.5, 0.75]], np.float32)


def answers(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Of the graph, and of it changed."""
    model = graph(f"graph (float[N, 3] x) => (float[N, 3] y) {text}")
    changed, outside = perturbed_graph(model, torch.Generator().manual_seed(0))
    assert not outside
    return computed(model, {"x": X})["y"], computed(changed, {"x": X})["y"]


@pytest.mark.parametrize(
    "text",
    [
        "<float[3] w = {1.5, 2.5, 3.5}> { y = Mul(x, w) }",
        "{ w = Constant <value = float[3] {1.5, 2.5, 3.5}> ()  y = Mul(x, w) }",
        "{ w = Constant <value_floats = [1.5, 2.5, 3.5]> ()  y = Mul(x, w) }",
        "{ w = Constant <value_float = 1.5> ()  y = Mul(x, w) }",
        "{ y = ai.onnx.ml.Scaler <offset = [0.1, 0.1, 0.1], scale = [1.5, 1.5, 1.5]> (x) }",
        "{ c = Constant <value = bool {1}> ()  y = If (c) <then_branch = a () => (float[N, 3] p) "
        "{ w = Constant <value_float = 1.5> ()  p = Mul(x, w) }, "
        "else_branch = b () => (float[N, 3] q) { q = Neg(x) }> }",
    ],
)
def test_a_weight_is_changed_by_a_little(text: str) -> None:
    before, after = answers(text)
    assert not np.array_equal(before, after)
    np.testing.assert_allclose(after, before, rtol=5e-5)


@pytest.mark.parametrize(
    "text",
    [
        "<float[3] w = {1, 2, 3}> { y = Mul(x, w) }",
        "{ i = Constant <value_ints = [2, 1, 0]> ()  y = Gather <axis: int = 1> (x, i) }",
        "{ y = LeakyRelu <alpha = 0.3> (x) }",
    ],
)
def test_whole_numbers_and_settings_stay(text: str) -> None:
    np.testing.assert_array_equal(*answers(text))


def test_the_graph_itself_stays_as_it_is_and_half_precision_is_changed_by_its_last_bit() -> None:
    model = graph("graph (float16[N] x) => (float16[N] y) { y = Mul(x, w) }")
    model.graph.initializer.append(numpy_helper.from_array(np.array([1.5], np.float16), "w"))
    before = onnx.ModelProto()
    before.CopyFrom(model)
    changed, _ = perturbed_graph(model, torch.Generator().manual_seed(0))
    assert model == before
    value = numpy_helper.to_array(changed.graph.initializer[0])
    assert value.dtype == np.float16
    assert abs(float(value[0]) - 1.5) in (2**-10, 2**-9)
    opened(changed)
