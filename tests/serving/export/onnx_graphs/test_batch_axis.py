"""Graphs get the batch as their first axis, and compute what they did."""

from collections.abc import Mapping

import numpy as np
import onnx
import pytest

from tests.serving.export.onnx_graphs.graphs import ACROSS, FOUR, HEAD, ONE, PRODUCT, ROWS, graph
from torchferry.errors import UserError
from torchferry.serving.export.onnx_graphs.batch_axis import Frame, batched, brought_to, made_up
from torchferry.serving.export.onnx_graphs.onnx_file import Value, opset_of
from torchferry.serving.export.onnx_graphs.onnx_network import computed

X = np.arange(12, dtype=np.float32).reshape(4, 3)
W = np.arange(12, dtype=np.float32).reshape(3, 4)
FAINT = """graph (float[4, 3] x) => (float[4, 3] y) {
  p = Softmax <axis: int = 0> (x)
  c = Constant <value_float = 1e-6> ()
  y = Mul (p, c)
}"""


def value(name: str, *sizes: int | str, dtype: str = "float32") -> Value:
    return Value(name, np.dtype(dtype), sizes)


def test_a_graph_of_any_number_of_samples_stays() -> None:
    model = graph(ROWS)
    made = batched(model, [value("x", "N", 3)], computed)
    assert (made.model, made.most, made.sizes, made.said) == (model, None, ((3,),), "")


def test_a_graph_of_one_sample_computes_one_at_a_time() -> None:
    made = batched(graph(ONE), [value("x", 1, 3)], computed)
    assert (made.most, made.sizes, made.said) == (1, ((3,),), "its graph computes one sample at a time")
    assert made.model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"


@pytest.mark.parametrize("head", [HEAD, '<ir_version: 7, opset_import: ["" : 11]>'])
def test_a_graph_of_four_samples_is_filled_up(head: str) -> None:
    made = batched(graph(FOUR, head), [value("x", 4, 3)], computed)
    onnx.checker.check_model(made.model, full_check=True)
    assert (made.most, made.sizes) == (4, ((3,),))
    whole = computed(graph(FOUR), {"x": X})["y"]
    for count in (1, 3, 4):
        np.testing.assert_array_equal(computed(made.model, {"x": X[:count]})["y"], whole[:count])


@pytest.mark.parametrize("text", [PRODUCT, ACROSS, FAINT])
def test_a_graph_without_a_batch_takes_one_sample(text: str) -> None:
    model = graph(text)
    given = {"x": X[:2], "w": W} if text == PRODUCT else {"x": X}
    made = batched(model, [value(name, *values.shape) for name, values in given.items()], computed)
    onnx.checker.check_model(made.model, full_check=True)
    assert (made.most, made.said) == (1, "its graph has no batch axis; a request is one sample")
    assert made.sizes == tuple(values.shape for values in given.values())
    answer = computed(made.model, {name: values[None] for name, values in given.items()})["y"]
    np.testing.assert_array_equal(answer[0], computed(model, given)["y"])


def test_numbers_alone_are_a_sample() -> None:
    model = graph("graph (int64 a, int64 b) => (int64 y) { y = Add(a, b) }")
    made = batched(model, [value("a", dtype="int64"), value("b", dtype="int64")], computed)
    assert computed(made.model, {"a": np.array([2]), "b": np.array([3])})["y"].tolist() == [5]


def test_values_that_a_graph_does_not_take_make_one_sample_of_it() -> None:
    """What is made up is no shape of twelve numbers."""
    model = graph("graph (float[4, 3] x, int64[2] s) => (float[a, b] y) { y = Reshape(x, s) }")
    made = batched(model, [value("x", 4, 3), value("s", 2, dtype="int64")], computed)
    answer = computed(made.model, {"x": X[None], "s": np.array([[2, 6]])})["y"]
    np.testing.assert_array_equal(answer, X.reshape(1, 2, 6))


def test_a_batch_of_some_inputs_alone_is_refused() -> None:
    model = graph("graph (float[N, 3] x, float[3] b) => (float[N, 3] y) { y = Add(x, b) }")
    with pytest.raises(UserError, match="first axis of its input 'x' varies, that of 'b' does not"):
        batched(model, [value("x", "N", 3), value("b", 3)], computed)


def test_a_batch_that_is_fixed_beside_an_axis_that_varies_is_refused() -> None:
    model = graph("graph (float[1, T] x) => (float[1, T] y) { y = Relu(x) }")
    with pytest.raises(UserError, match="first axis of its input 'x' does not vary and another does"):
        batched(model, [value("x", 1, "T")], computed)


def test_an_opset_is_brought_to_another_or_refused() -> None:
    assert opset_of(brought_to(graph(FOUR, '<ir_version: 7, opset_import: ["" : 11]>'), 13)) == 13
    with pytest.raises(UserError, match="--model: is in opset 18, which cannot be brought to 99"):
        brought_to(graph(FOUR), 99)


def test_made_up_values_have_their_datatypes() -> None:
    inputs = [value("a", 2, 3), value("b", 4, dtype="bool"), value("c", dtype="uint8")]
    found: Mapping[str, np.ndarray] = made_up(inputs, 0)
    assert [(each.dtype.name, each.shape) for each in found.values()] == [
        ("float32", (2, 3)),
        ("bool", (4,)),
        ("uint8", ()),
    ]


def test_a_graph_of_other_operators_alone_gets_those_of_a_frame() -> None:
    model = graph("graph (float[N, 3] x) => (float[N, 3] y) { y = ai.onnx.ml.Normalizer (x) }")
    del model.opset_import[0]
    assert opset_of(Frame(model).model) == 13


def test_a_frame_keeps_axes_that_vary_as_the_file_has_them() -> None:
    """A branch that is not taken for the sizes that are said may be for other ones only."""
    model = graph("graph (float[N, M] x) => (float[M] y) { y = ReduceSum <keepdims: int = 0> (x, axes) }", HEAD)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array([0]), "axes"))
    made = batched(model, [value("x", 2, 3)], computed)
    axes = made.model.graph.input[0].type.tensor_type.shape.dim
    assert [axis.HasField("dim_value") for axis in axes] == [False, False, False]
    assert made.sizes == ((2, 3),)
    given = np.ones((1, 2, 3), np.float32)
    np.testing.assert_array_equal(computed(made.model, {"x": given})["y"], [[2, 2, 2]])
