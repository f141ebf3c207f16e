"""An int8 graph is as quantised as the gate allows; what stays in float is what does the most harm, and is said."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn
from torch.utils.data import TensorDataset

from tests.serving.export.tiny_reference import tiny_reference
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.errors import CannotBuild
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.serving.export.variants.quantize import Calibration, Quantizer, _distance, quantized

NODES = ("first", "ruined", "last")
"""`ruined` gets a channel that is a million times as large as those that it looks at, so 8 bits lose them."""
WEIGHTS = {
    "first": np.array([[1, 0.5, 1], [0.25, 1, 0]], np.float32),
    "ruined": np.array([[1, 0], [0, 1], [0, 0]], np.float32),
    "last": np.array([[1, 0.5], [-0.5, 1]], np.float32),
}
SCALE = np.array([1, 1, 1e6], np.float32)


class Chain(nn.Module):
    def forward(self, row: torch.Tensor) -> torch.Tensor:
        first, ruined, last = map(torch.from_numpy, WEIGHTS.values())
        return row @ first * torch.from_numpy(SCALE) @ ruined @ last


@pytest.fixture(scope="module")
def reference() -> Reference:
    rows = torch.from_numpy(np.random.default_rng(0).normal(size=(80, 2)).astype(np.float32))
    specs = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 2)) for name in ("row", "y"))
    samples = Samples(TensorDataset(rows), ("row",))
    return tiny_reference(task="tensors", module=Chain(), inputs=specs[:1], outputs=specs[1:], test=samples)


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """The same as ONNX."""
    nodes = [
        helper.make_node("MatMul", ["row", "w_first"], ["a"], "first"),
        helper.make_node("Mul", ["a", "scale"], ["b"], "scaled"),
        helper.make_node("MatMul", ["b", "w_ruined"], ["c"], "ruined"),
        helper.make_node("MatMul", ["c", "w_last"], ["y"], "last"),
    ]
    return saved(tmp_path / "graph.onnx", nodes)


def saved(path: Path, nodes: list[onnx.NodeProto]) -> Path:
    constants = {f"w_{name}": weight for name, weight in WEIGHTS.items()} | {"scale": SCALE}
    row, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 2]) for name in ("row", "y"))
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "chain", [row], [y], initializers)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def in_integers(file: Path) -> set[str]:
    """The nodes whose weights are int8."""
    tensors = onnx.load(file).graph.initializer
    names = {tensor.name for tensor in tensors if tensor.data_type == TensorProto.INT8}
    return {node for node in NODES if any(name.startswith(f"w_{node}_") for name in names)}


def test_only_the_named_nodes_are_quantised(graph: Path, reference: Reference, tmp_path: Path) -> None:
    quantizer = Quantizer(graph, reference.test, reference, tmp_path)
    assert quantizer.nodes == list(NODES)
    quantizer.write(tmp_path / "int8.onnx", ["first", "last"])
    assert in_integers(tmp_path / "int8.onnx") == {"first", "last"}


def test_the_most_harmful_node_comes_first(graph: Path, reference: Reference, tmp_path: Path) -> None:
    worst = Quantizer(graph, reference.test, reference, tmp_path).by_harm(reference, tmp_path / "one.onnx")
    assert worst[0] == "ruined"
    assert set(worst) == set(NODES)


@pytest.mark.parametrize(
    ("answered", "expected", "distance"),
    [
        (np.array([True, False]), np.array([True, True]), 0.5),
        (np.array([255], np.uint8), np.array([1], np.uint8), 254.0**2),
        (np.array([2e8, 3], np.float32), np.array([1e8, 3], np.float32), 1),
        (np.array([-np.inf, 3], np.float32), np.array([-np.inf, 2], np.float32), 0.25),
    ],
)
def test_harm_is_told_of_any_output(answered: np.ndarray, expected: np.ndarray, distance: float) -> None:
    assert _distance(answered, expected) == pytest.approx(distance)


@pytest.mark.parametrize(("most", "sizes"), [(None, [64, 16]), (30, [30, 30, 4, 16])])
def test_ranges_are_of_samples_that_were_computed_as_servers_do(
    reference: Reference, most: int | None, sizes: list[int]
) -> None:
    reader = Calibration(reference.test, replace(reference, max_batch=most), ["row"])
    assert [len(next(iter(batch.values()))) for batch in iter(reader.get_next, None)] == sizes


def test_where_the_gate_accepts_all_nothing_stays_in_float(graph: Path, reference: Reference, tmp_path: Path) -> None:
    target = tmp_path / "int8.onnx"
    assert quantized(graph, reference.test, reference, target, lambda _: None) is None
    assert in_integers(target) == set(NODES)


def test_what_ruins_the_outputs_stays_in_float_and_is_said(graph: Path, reference: Reference, tmp_path: Path) -> None:
    target = tmp_path / "int8.onnx"

    def refusal(file: Path) -> str | None:
        return "it is too far off" if "ruined" in in_integers(file) else None

    note = quantized(graph, reference.test, reference, target, refusal)
    assert note is not None
    assert note.startswith("in float: ruined of 3 nodes, ")
    assert f"{target.stat().st_size:,} bytes instead of " in note
    assert note.endswith("; with all in int8 it is too far off")
    assert in_integers(target) == {"first", "last"}


def test_what_nothing_mends_is_left_quantised(graph: Path, reference: Reference, tmp_path: Path) -> None:
    target, seen = tmp_path / "int8.onnx", []

    def refusal(file: Path) -> str:
        seen.append(len(in_integers(file)))
        return "it is too far off"

    note = quantized(graph, reference.test, reference, target, refusal)
    assert note == "no part of it in float mends that"
    assert seen == [3, 2, 1]  # one in float, then two; all would be no int8 graph
    assert in_integers(target) == set(NODES)


def test_a_graph_with_nothing_to_quantise_is_not_built(reference: Reference, tmp_path: Path) -> None:
    graph = saved(tmp_path / "relu.onnx", [helper.make_node("Relu", ["row"], ["y"], "only")])
    with pytest.raises(CannotBuild, match="it has no Conv, Gemm, MatMul to quantise"):
        quantized(graph, reference.test, reference, tmp_path / "int8.onnx", lambda _: None)
