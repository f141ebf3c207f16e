"""A bundle whose graph computes for ever, unless it is ended, for rows without a number above zero."""

import dataclasses
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tests.serving.tiny_bundle import FILE, GOLDEN, written
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle

ENDS = [[0.5, 0.5]]
"""A row that is answered with itself."""
ENDLESS = [[-0.5, -0.5]]


def endless(folder: Path, name: str = "endless", *, at_load: bool = False) -> Bundle:
    """`at_load`: its golden rows are of the endless kind, so that it never is loaded."""
    bundle = written(folder, name)
    root = bundle.root
    _save_graph(root / FILE)
    if at_load:
        np.savez(root / "golden" / "inputs.npz", row=-GOLDEN)
    files = {path: value for path, value in bundles.checksums(root).items() if path != "model.json"}
    bundle = dataclasses.replace(bundle, files=files)
    bundles.write(bundle)
    return bundle


def _save_graph(path: Path) -> None:
    def number(name: str, datatype: int, *shape: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, datatype, shape)

    def row(name: str) -> onnx.ValueInfoProto:
        return number(name, TensorProto.FLOAT, "n", 2)

    again = helper.make_graph(
        [helper.make_node("Identity", ["goes"], ["goes_on"]), helper.make_node("Identity", ["before"], ["after"])],
        "again",
        [number("round", TensorProto.INT64), number("goes", TensorProto.BOOL), row("before")],
        [number("goes_on", TensorProto.BOOL), row("after")],
    )
    nodes = [
        helper.make_node("ReduceMax", ["row"], ["largest"], keepdims=0),
        helper.make_node("Less", ["largest", "zero"], ["is_below"]),
        helper.make_node("Loop", ["", "is_below", "row"], ["probabilities"], body=again),
    ]
    zero = numpy_helper.from_array(np.array(0, np.float32), "zero")
    graph = helper.make_graph(nodes, "endless", [row("row")], [row("probabilities")], [zero])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
