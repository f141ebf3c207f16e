"""An ONNX graph has the bundle's names and nothing of this machine; what ONNX Runtime makes of it is saved."""

import itertools
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.commands import ROOT
from tests.serving.export.tiny_reference import tiny_reference
from tests.some import some
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.onnx_graphs import weights
from torchferry.serving.export.onnx_graphs.graph_names import rename
from torchferry.serving.export.variants.onnx_graph import Level, write_graph, write_optimized
from torchferry.serving.export.variants.torch_program import exported_program
from torchferry.serving.session.onnx_session import OnnxSession


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    reference, path = tiny_reference(), tmp_path_factory.mktemp("graph") / "model.onnx"
    write_graph(exported_program(reference), reference, path)
    return path


@pytest.fixture
def sums(tmp_path: Path) -> Path:
    """y = x @ W + B as two operators, of which ONNX Runtime makes one, and W as a sum of two constants."""
    nodes = [
        helper.make_node("Add", ["half", "half"], ["weight"]),
        helper.make_node("MatMul", ["x", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["y"]),
    ]
    constants = {"half": np.full((3, 2), 0.5, np.float32), "bias": np.array([1, 2], np.float32)}
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size]) for name, size in (("x", 3), ("y", 2))
    ]
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "sums", ends[:1], ends[1:], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "s.onnx")
    return tmp_path / "s.onnx"


def test_tensors_have_the_bundles_names_and_the_batch_is_free(written: Path) -> None:
    graph = onnx.load(written).graph
    ((row,), (probabilities,)) = graph.input, graph.output
    assert (row.name, probabilities.name) == ("row", "probabilities")
    for tensor, size in ((row, 3), (probabilities, 2)):
        batch, columns = tensor.type.tensor_type.shape.dim
        assert (bool(batch.dim_param), columns.dim_value) == (True, size)


def test_tensors_may_be_called_as_any_value_that_the_exporter_names(written: Path) -> None:
    rows = np.array([[1, 2, 3], [-1, 0, 5]], np.float32)
    expected = OnnxSession(written, ["row"], ["probabilities"], 1).run({"row": rows})["probabilities"]
    graph = onnx.load(written).graph
    own = {value.name for value in graph.initializer} | {name for node in graph.node for name in node.output}
    for first, second in itertools.permutations(some(sorted(own)), 2):
        model = onnx.load(written)
        rename(model, [first], [second])
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, written.with_name("renamed.onnx"))
        session = OnnxSession(written.with_name("renamed.onnx"), [first], [second], 1)
        np.testing.assert_allclose(session.run({first: rows})[second], expected, atol=1e-6)


def test_nothing_of_this_machine_is_in_it_nor_what_the_exporter_notes_for_debugging(written: Path) -> None:
    content, model = written.read_bytes(), onnx.load(written)
    assert b"Gemm" in content
    for part in (str(ROOT).encode(), b"site-packages", b".py"):
        assert part not in content
    for noted in (model, model.graph, *model.graph.node, *model.graph.value_info):
        assert not noted.metadata_props
    assert not [node for node in model.graph.node if node.doc_string]


@pytest.fixture
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "LARGEST", 1)
    monkeypatch.setattr(weights, "SMALL", 7)


@pytest.mark.usefixtures("everything_is_large")
def test_a_large_networks_weights_are_beside_its_graph(tmp_path: Path) -> None:
    reference, raw, folded = tiny_reference(), tmp_path / "raw.onnx", tmp_path / "folded.onnx"
    write_graph(exported_program(reference), reference, raw)
    write_optimized(raw, folded, Level.ORT_ENABLE_EXTENDED)
    rows = np.array([[1, 2, 3], [-1, 0, 5]], np.float32)
    for path in (raw, folded):
        placed = [each for each in onnx.load(path, load_external_data=False).graph.initializer if each.dims]
        assert placed
        assert {weights.ExternalDataInfo(each).location for each in placed} == {f"{path.name}.data"}
        answered = OnnxSession(path, ["row"], ["probabilities"], 1).run({"row": rows})
        np.testing.assert_allclose(answered["probabilities"], reference.run({"row": rows})["probabilities"], atol=1e-6)


def test_constants_are_folded_and_the_answers_stay(sums: Path) -> None:
    write_optimized(sums, sums.with_name("folded.onnx"), Level.ORT_ENABLE_BASIC)
    nodes = onnx.load(sums.with_name("folded.onnx")).graph.node
    assert [(node.op_type, node.domain) for node in nodes] == [("Gemm", "")]
    answered = OnnxSession(sums.with_name("folded.onnx"), ["x"], ["y"], 1).run({"x": np.ones((2, 3), np.float32)})
    assert answered["y"].tolist() == [[4.0, 5.0]] * 2


def test_without_optimisation_the_graph_stays_as_it_is(sums: Path) -> None:
    write_optimized(sums, sums.with_name("same.onnx"), Level.ORT_DISABLE_ALL)
    nodes = onnx.load(sums.with_name("same.onnx")).graph.node
    assert [node.op_type for node in nodes] == ["Add", "MatMul", "Add"]


def test_what_onnx_runtime_does_not_have_is_said_in_one_plain_line(tmp_path: Path) -> None:
    words = "^ONNX Runtime has no Neg of bfloat16 on a CPU; compute that in float32$"
    ends = [helper.make_tensor_value_info(name, TensorProto.BFLOAT16, ["batch", 2]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Neg", ["x"], ["y"], name="node")], "lacking", ends[:1], ends[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, tmp_path / "l.onnx")
    with pytest.raises(CannotBuild, match=words):
        write_optimized(tmp_path / "l.onnx", tmp_path / "o.onnx", Level.ORT_ENABLE_BASIC)
