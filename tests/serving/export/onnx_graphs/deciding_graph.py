"""A graph that answers which of three scores is the largest, and rows of which rounding alone decides it."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.external_model import load_given
from torchferry.serving.export.onnx_graphs import weights
from torchferry.serving.export.onnx_graphs.onnx_network import computed
from torchferry.serving.export.reference import Reference

HIDDEN, ROWS, TIED = 64, 60, 3
"""Of so many rows the first are near ties."""


def deciding(order: np.ndarray | None = None) -> onnx.ModelProto:
    """The first two scores are sums of the same numbers; `order` is that of the hidden units, which changes nothing but
    what is rounded."""
    chance = np.random.default_rng(0)
    half, share = chance.normal(size=(8, HIDDEN // 2)), chance.normal(size=HIDDEN // 2)
    turned = chance.permutation(HIDDEN // 2)
    first, last = np.concatenate([half, half[:, turned]], 1), chance.normal(size=(HIDDEN, 3))
    last[:, 0], last[:, 1] = np.append(share, 0 * share), np.append(0 * share, share[turned])
    order = np.arange(HIDDEN) if order is None else order
    arrays = {"first": first[:, order], "last": last[order]}
    nodes = [
        helper.make_node("Gemm", ["row", "first"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["positive"]),
        helper.make_node("Gemm", ["positive", "last"], ["scores"], "last"),
        helper.make_node("ArgMax", ["scores"], ["kind"], axis=1, keepdims=0),
    ]
    ends = [
        helper.make_tensor_value_info("row", onnx.TensorProto.FLOAT, ["N", 8]),
        helper.make_tensor_value_info("kind", onnx.TensorProto.INT64, ["N"]),
    ]
    held = [numpy_helper.from_array(values.astype(np.float32), name) for name, values in arrays.items()]
    graph = helper.make_graph(nodes, "deciding", ends[:1], ends[1:], held)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def turned() -> onnx.ModelProto:
    """The same, its sums in another order."""
    return deciding(np.random.default_rng(1).permutation(HIDDEN))


def rows() -> np.ndarray:
    given = np.random.default_rng(2).normal(size=(4000, 8)).astype(np.float32)
    one, other = (computed(model, {"row": given})["kind"] for model in (deciding(), turned()))
    tied, clear = (one != other), (one == other) & (one == 2)
    return np.concatenate([given[tied][:TIED], given[clear][: ROWS - TIED]])


def reference_of_graph(model: onnx.ModelProto, folder: Path, *options: str, **data: np.ndarray) -> Reference:
    """As a user exports the file."""
    weights.write(model, path := folder / "net.onnx")
    if data:
        np.savez(folder / "data.npz", **data)  # type: ignore[arg-type]
        options = (*options, "--eval-data", str(folder / "data.npz"))
    return load_given(parser().parse_args(["--model", str(path), *options]))


def faulty(model: onnx.ModelProto) -> onnx.ModelProto:
    """Its last Gemm has two columns changed for each other."""
    last: Any = next(each for each in model.graph.initializer if each.name == "last")
    last.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(last)[:, [2, 1, 0]].copy(), "last"))
    return model
