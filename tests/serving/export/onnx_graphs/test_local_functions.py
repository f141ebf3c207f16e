"""Functions of a file become nodes of its graph, if that ends, and their weights are looked at like others."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from torchferry.errors import UserError
from torchferry.serving.export.onnx_graphs.local_functions import without_functions
from torchferry.serving.export.onnx_graphs.onnx_file import read_onnx

HEAD = """<ir_version: 9, opset_import: ["" : 17, "own" : 1]>
graph (float[N, 3] x) => (float[N, 3] y) { y = own.F0(x) }
"""
FUNCTION = '<domain: "own", opset_import: ["" : 17, "own" : 1]> F'


def model(*bodies: str) -> onnx.ModelProto:
    """`bodies` of functions F0, F1 and so on, of `a` to `r`."""
    functions = "\n".join(f"{FUNCTION}{number} (a) => (r) {{ {body} }}" for number, body in enumerate(bodies))
    return onnx.parser.parse_model(HEAD + functions)


def twice(functions: int) -> onnx.ModelProto:
    """Each calls the next one twice."""
    calls = [f"t = own.F{number + 1}(a) r = own.F{number + 1}(t)" for number in range(functions - 1)]
    return model(*calls, "r = Neg(a)")


def test_they_become_nodes_of_the_graph(tmp_path: Path) -> None:
    made = without_functions(twice(3), tmp_path)
    assert [node.op_type for node in made.graph.node] == ["Neg"] * 4
    assert not made.functions


@pytest.mark.parametrize("functions", [30, 60])
def test_more_nodes_than_memory_holds_are_refused(tmp_path: Path, functions: int) -> None:
    words = f"its functions become {2 ** (functions - 1):,} nodes where they are called; 1,048,576 are taken"
    with pytest.raises(UserError, match=words):
        without_functions(twice(functions), tmp_path)


def test_a_long_way_down_is_refused(tmp_path: Path) -> None:
    calls = [f"r = own.F{number + 1}(a)" for number in range(2000)]
    with pytest.raises(UserError, match=r"its functions cannot be put into its graph \(.* depth"):
        without_functions(model(*calls, "r = Neg(a)"), tmp_path)


def test_one_that_calls_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="its functions cannot be put into its graph"):
        without_functions(model("r = own.F0(a)"), tmp_path)


@pytest.mark.parametrize("location", ["/etc/hostname", "../net.data", "net.data"])
def test_weights_of_theirs_lie_beside_the_file_or_are_refused(tmp_path: Path, location: str) -> None:
    made = model("w = Constant <value = float[3] {1.0, 2.0, 3.0}> () r = Add(a, w)")
    weights = made.functions[0].node[0].attribute[0].t
    weights.CopyFrom(onnx.TensorProto(name="w", dims=(3,), data_type=onnx.TensorProto.FLOAT))
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=location)
    (tmp_path / "net.data").write_bytes(np.array([1, 2, 3], np.float32).tobytes())
    (folder := tmp_path / "own").mkdir()
    (folder / "net.data").write_bytes(np.array([4, 5, 6], np.float32).tobytes())
    onnx.save(made, path := folder / "net.onnx")
    if location != "net.data":
        with pytest.raises(UserError, match=f"its weights 'w' are at {location}, outside of its folder"):
            read_onnx(path)
        return
    held = read_onnx(path).graph.node[0].attribute[0].t
    assert onnx.numpy_helper.to_array(held).tolist() == [4, 5, 6]
