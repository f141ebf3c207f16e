"""A graph's inputs and outputs may have any names, whatever its own values and those of inner graphs are called."""

import itertools

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from torchferry.serving.export.onnx_graphs.graph_names import hide, name_nodes, names_of, rename

ROW = np.array([[1.0, -2.0], [3.0, 4.0]], np.float32)


def made(outputs: tuple[str, ...] = ("y", "z")) -> onnx.ModelProto:
    """y = x * factor + 1, and z = y if the sum of x is above 0, else -y, by an If with values of its own."""
    then = helper.make_graph([helper.make_node("Identity", ["y"], ["same"])], "then", [], [value("same")])
    opposite = helper.make_graph([helper.make_node("Neg", ["y"], ["opposite"])], "else", [], [value("opposite")])
    nodes = [
        helper.make_node("Mul", ["x", "factor"], ["product"]),
        helper.make_node("Add", ["product", "one"], ["y"]),
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["condition"]),
        helper.make_node("If", ["condition"], ["z"], then_branch=then, else_branch=opposite),
    ]
    constants = {"factor": 3.0, "one": 1.0, "zero": 0.0}
    initializers = [numpy_helper.from_array(np.array(number, np.float32), name) for name, number in constants.items()]
    graph = helper.make_graph(nodes, "made", [value("x")], list(map(value, outputs)), initializers)
    graph.value_info.append(value("product"))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def value(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2])


def answered(model: onnx.ModelProto, row: np.ndarray = ROW) -> dict[str, np.ndarray]:
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs, outputs = names_of(model)
    return dict(zip(outputs, session.run(outputs, {inputs[0]: row}), strict=True))


@pytest.mark.parametrize(
    "names", list(itertools.permutations(("y", "x", "product", "factor", "same", "opposite"), 3)), ids="-".join
)
def test_any_names_of_the_graphs_own_may_be_taken(names: tuple[str, str, str]) -> None:
    model = made()
    rename(model, names[:1], names[1:])
    assert names_of(model) == ([names[0]], [names[1], names[2]])
    for row in (ROW, -ROW):
        found = answered(model, row)
        np.testing.assert_allclose(found[names[1]], row * 3 + 1)
        np.testing.assert_allclose(found[names[2]], np.sign(row.sum()) * (row * 3 + 1))


def test_names_that_change_places() -> None:
    model = made()
    rename(model, ["z"], ["x", "y"])
    np.testing.assert_allclose(answered(model)["x"], ROW * 3 + 1)


def test_an_output_that_is_an_input_or_another_or_a_constant_is_a_value_of_its_own() -> None:
    model = made(("y", "y", "x", "x"))
    del model.graph.node[2:]
    rename(model, ["row"], ["a", "b", "c", "d"])
    found = answered(model)
    assert all((found[name] == ROW * 3 + 1).all() for name in "ab")
    assert all((found[name] == ROW).all() for name in "cd")
    model.graph.output.append(helper.make_tensor_value_info("factor", TensorProto.FLOAT, []))
    rename(model, ["row"], ["a", "b", "c", "d", "e"])
    assert answered(model)["e"] == 3


def test_hidden_names_come_back() -> None:
    model = made()
    before = answered(model)
    names = hide(model)
    assert names == (["x"], ["y", "z"])
    assert not {"x", "y", "z"} & {name for both in names_of(model) for name in both}
    rename(model, *names)
    assert names_of(model) == names
    assert all((answered(model)[name] == values).all() for name, values in before.items())


def test_the_same_names_change_nothing() -> None:
    model = made()
    before = model.SerializeToString()
    rename(model, *names_of(model))
    assert model.SerializeToString() == before


def test_each_node_gets_a_name_of_its_own() -> None:
    model = made()
    for node, name in zip(model.graph.node, ("", "one", "one", "product", ""), strict=True):
        node.name = name
    name_nodes(model)
    assert [node.name for node in model.graph.node] == ["product__0", "one", "one__0", "product", "z"]
