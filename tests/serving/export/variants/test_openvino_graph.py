"""OpenVINO gets a graph of standard operators, and none that it would compute otherwise."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.serving.export.tiny_reference import tiny_reference
from tests.serving.openvino import MISSING
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.build_bundle import export
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.variants.openvino_graph import openvino_fp32, openvino_int8
from torchferry.serving.session import check_golden, open_variant
from torchferry.serving.session.runtimes import RUNTIMES


class Given:
    """Graphs of a network that was traced before."""

    def __init__(self, onnx_file: Path, reference: Reference) -> None:
        self.onnx, self.reference = onnx_file, reference


def given(folder: Path, *nodes: onnx.NodeProto, **change: Any) -> Any:
    reference = tiny_reference()
    inputs = tuple(dataclasses.replace(spec, **change) for spec in reference.inputs)
    row, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in ("row", "y"))
    goes = numpy_helper.from_array(np.array(True), "goes")
    graph = helper.make_graph(list(nodes), "graph", [row], [y], [goes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "folded.onnx")
    return Given(folder / "folded.onnx", dataclasses.replace(reference, inputs=inputs))


def casts(to: str) -> list[onnx.NodeProto]:
    kinds = TensorProto.DataType.Value(to), TensorProto.FLOAT
    return [helper.make_node("Cast", ["row"], ["x"], to=kinds[0]), helper.make_node("Cast", ["x"], ["y"], to=kinds[1])]


def branch(*nodes: onnx.NodeProto) -> onnx.GraphProto:
    output = helper.make_tensor_value_info(nodes[-1].output[0], TensorProto.FLOAT, None)
    return helper.make_graph(list(nodes), "branch", [], [output])


def refuse(_: Path) -> str:
    raise AssertionError("the gate is not asked about what is refused before")


@pytest.mark.parametrize("builder", [openvino_fp32, openvino_int8])
def test_what_computes_in_float64_is_refused(tmp_path: Path, builder: Any) -> None:
    """To it 1.7e9 and 1.7e9 + 1 would be one number."""
    said = r"^it computes in float64, which OpenVINO rounds to float32; serve an onnx variant$"
    with pytest.raises(CannotBuild, match=said):
        builder(given(tmp_path, *casts("DOUBLE")), tmp_path / "model.onnx", refuse)
    assert not (tmp_path / "model.onnx").exists()


def test_what_may_be_nan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CannotBuild, match=r"^'row' may be NaN, which OpenVINO drops in Relu and maximum; "):
        openvino_fp32(given(tmp_path, *casts("FLOAT16"), allow_nan=True), tmp_path / "model.onnx", refuse)


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "RNN"])
def test_a_recurrent_layer_that_is_told_lengths_is_refused(tmp_path: Path, kind: str) -> None:
    layer = helper.make_node(kind, ["x", "W", "R", "", "lengths"], ["", "h"], hidden_size=3)
    said = rf"^its {kind} is told where each sample ends, which OpenVINO does not look at; serve an onnx variant$"
    with pytest.raises(CannotBuild, match=said):
        openvino_fp32(given(tmp_path, layer), tmp_path / "model.onnx", refuse)


def test_a_recurrent_layer_of_one_length_is_not(tmp_path: Path) -> None:
    layer = helper.make_node("RNN", ["x", "W", "R", "", "", "first"], ["", "h"], hidden_size=3)
    openvino_fp32(given(tmp_path, layer), tmp_path / "model.onnx", refuse)


def test_a_loop_is_refused_wherever_it_stands(tmp_path: Path) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["goes_in"], ["goes_on"]), helper.make_node("Identity", ["a"], ["b"])],
        "body",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("goes_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("a", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("goes_on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("b", TensorProto.FLOAT, None),
        ],
    )
    loop = helper.make_node("Loop", ["", "goes", "row"], ["looped"], body=body)
    same = helper.make_node("Identity", ["row"], ["same"])
    node = helper.make_node("If", ["goes"], ["y"], then_branch=branch(loop), else_branch=branch(same))
    with pytest.raises(CannotBuild, match=r"^it has a Loop, which nothing ends in OpenVINO; "):
        openvino_fp32(given(tmp_path, node), tmp_path / "model.onnx", refuse)


def test_a_variant_is_measured_and_judged_as_the_others_are(tmp_path: Path) -> None:
    names = ["onnx-fp32", "openvino-fp32"]
    bundle = export(tiny_reference(), tmp_path / "b", names, {}, "1.0")
    assert bundle.accepted == names
    found = bundle.variants["openvino-fp32"]
    assert found.file == f"variants/{RUNTIMES['openvino-fp32'].file}"
    assert found.limits == bundle.variants["onnx-fp32"].limits
    assert found.speed.batch_1_ms > 0
    check_golden(open_variant(bundle, "openvino-fp32", threads=1), bundle, "openvino-fp32")
    assert {node.domain for node in onnx.load(bundle.variant_file("openvino-fp32")).graph.node} == {""}
    assert bundle.choice is not None
    assert list(bundle.choice.gains) == ["openvino-fp32"]
    assert bundle.provenance["openvino"]


@pytest.mark.usefixtures("without_openvino")
def test_where_it_is_missing_the_variant_is_skipped_with_the_way_to_install_it(tmp_path: Path) -> None:
    bundle = export(tiny_reference(), tmp_path / "b", ["torch", "openvino-fp32"], {}, "1.0")
    assert bundle.skipped == {"openvino-fp32": MISSING}
    assert bundle.accepted == ["torch"]
