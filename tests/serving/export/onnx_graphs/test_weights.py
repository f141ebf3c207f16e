"""A large graph's weights lie beside it, are read from there, and are never half there."""

from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.serving.export.onnx_graphs.graphs import ROWS, graph
from torchferry.serving.export.onnx_graphs import weights
from torchferry.serving.export.onnx_graphs.onnx_network import computed

X = {"x": np.array([[1, 0, 2]], np.float32)}
Y = [[11.0, 14.0]]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every graph is."""
    monkeypatch.setattr(weights, "LARGEST", 1)
    monkeypatch.setattr(weights, "SMALL", 7)


def test_a_small_graph_is_one_file(tmp_path: Path) -> None:
    weights.write(graph(ROWS), path := tmp_path / "net.onnx")
    assert weights.files_of(path) == [path]
    assert weights.bytes_of(path) == path.stat().st_size
    assert weights.read(path) == graph(ROWS)


@pytest.mark.usefixtures("large")
def test_a_large_one_is_a_file_and_its_weights(tmp_path: Path) -> None:
    weights.write(graph(ROWS), path := tmp_path / "net.onnx")
    assert weights.files_of(path) == [path, tmp_path / "net.onnx.data"]
    assert weights.bytes_of(path) == path.stat().st_size + 24
    held = weights.read(path)
    assert [*map(weights.is_outside, held.graph.initializer)] == [True]
    assert computed(held, X)["y"].tolist() == Y
    assert computed(onnx.load(path), X)["y"].tolist() == Y


@pytest.mark.usefixtures("large")
def test_what_is_written_over_another_file_is_the_new_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights.write(graph(ROWS), path := tmp_path / "net.onnx")
    monkeypatch.setattr(weights, "LARGEST", 2**31)
    weights.write(graph(ROWS), path)
    assert weights.files_of(path) == [path]


@pytest.mark.usefixtures("large")
def test_a_copy_has_weights_of_its_own(tmp_path: Path) -> None:
    weights.write(graph(ROWS), path := tmp_path / "net.onnx")
    (folder := tmp_path / "other").mkdir()
    weights.copy(path, folder / "model.onnx")
    for file in weights.files_of(path):
        file.unlink()
    assert sorted(each.name for each in folder.iterdir()) == ["model.onnx", "model.onnx.data"]
    assert computed(onnx.load(folder / "model.onnx"), X)["y"].tolist() == Y


def test_numbers_of_every_kind_come_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "LARGEST", 1)
    monkeypatch.setattr(weights, "SMALL", 0)
    model = graph(ROWS)
    kinds = ["float16", "float64", "int8", "int64", "uint64", "bool"]
    arrays = {kind: np.array([0, 1, 1], kind) for kind in kinds}
    model.graph.initializer.extend(onnx.numpy_helper.from_array(values, name) for name, values in arrays.items())
    model.graph.initializer.append(onnx.helper.make_tensor("typed", onnx.TensorProto.FLOAT, [2], [0.5, 2.0]))
    weights.write(model, path := tmp_path / "net.onnx")
    held = {each.name: weights.values_of(each) for each in weights.read(path).graph.initializer}
    for name, values in (arrays | {"typed": np.array([0.5, 2], np.float32)}).items():
        np.testing.assert_array_equal(held[name], values)
        assert held[name].dtype == values.dtype


@pytest.mark.usefixtures("large")
def test_weights_within_nodes_are_in_the_graph(tmp_path: Path) -> None:
    text = "{ w = Constant <value = float[3] {1.5, 2.5, 3.5}> ()  y = Mul(x, w) }"
    model = graph(f"graph (float[N, 3] x) => (float[N, 3] y) {text}")
    weights.write(model, path := tmp_path / "net.onnx")
    assert not any(weights.is_outside(each) for each in weights.tensors_of(weights.read(path).graph))
