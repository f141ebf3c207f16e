"""Bundles made from the digits' one by changing its graph: another version, a slow one, one that fails at run time."""

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from torchferry.serving.bundle import bundle as bundles

FAILS_AT = 255
"""The value of a pixel at which `failing` raises."""


def another_version(bundle: Path, folder: Path, version: str, factor: float = 1) -> Path:
    """The digits, whose answers are `factor` times the first version's."""
    nodes = [_constant("factor", np.float32(factor)), helper.make_node("Mul", ["before", "factor"], ["probabilities"])]
    return _altered(bundle, folder, nodes, version=version, factor=factor)


def failing(bundle: Path, folder: Path, version: str = "1.0") -> Path:
    """The digits; an image with a white pixel, and whatever is computed with it, makes the graph raise."""
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["pixels"], ["brightest"], keepdims=0),
        _constant("white", np.float32(FAILS_AT)),
        helper.make_node("Equal", ["brightest", "white"], ["is_white"]),
        helper.make_node("Cast", ["is_white"], ["one_if_white"], to=TensorProto.INT64),
        _constant("two", np.array([2], np.int64)),
        helper.make_node("Sub", ["two", "one_if_white"], ["length"]),
        _constant("zeros", np.zeros(2, np.float32)),
        helper.make_node("Reshape", ["zeros", "length"], ["reshaped"]),  # two zeros do not fit into a length of one
        helper.make_node("ReduceSum", ["reshaped"], ["zero"], keepdims=0),
        helper.make_node("Add", ["before", "zero"], ["probabilities"]),
    ]
    return _altered(bundle, folder, nodes, version=version)


def slow(bundle: Path, folder: Path, version: str = "1.0", side: int = 224) -> Path:
    """The digits, with convolutions at `side` x `side` that add nothing to the answer but their time."""
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        _constant("scales", np.array([1, 1, side / 8, side / 8], np.float32)),
        helper.make_node("Resize", ["pixels", "", "scales"], ["large"], mode="nearest"),
        _constant("first_weight", random.standard_normal((64, 1, 3, 3)).astype(np.float32)),
        helper.make_node("Conv", ["large", "first_weight"], ["first"], pads=[1] * 4),
        _constant("second_weight", random.standard_normal((64, 64, 3, 3)).astype(np.float32)),
        helper.make_node("Conv", ["first", "second_weight"], ["second"], pads=[1] * 4),
        _constant("axes", np.array([1, 2, 3], np.int64)),
        helper.make_node("ReduceMean", ["second", "axes"], ["mean"], keepdims=0),
        _constant("last", np.array([1], np.int64)),
        helper.make_node("Unsqueeze", ["mean", "last"], ["column"]),
        _constant("nothing", np.float32(0)),
        helper.make_node("Mul", ["column", "nothing"], ["zero"]),
        helper.make_node("Add", ["before", "zero"], ["probabilities"]),
    ]
    return _altered(bundle, folder, nodes, version=version)


def damaged(bundle: Path, folder: Path, version: str) -> Path:
    """Its graph's file is not the one that was exported."""
    root = another_version(bundle, folder, version)
    with (root / "variants" / "onnx-fp32" / "model.onnx").open("ab") as file:
        file.write(b"?")
    return root


def unloadable(bundle: Path, folder: Path, version: str) -> Path:
    """Its graph's file is the one that was exported, but no graph."""
    root = another_version(bundle, folder, version)
    (root / "variants" / "onnx-fp32" / "model.onnx").write_bytes(b"no graph")
    bundles.write(dataclasses.replace(bundles.load(root), files=_checksums(root)))
    return root


def _altered(bundle: Path, folder: Path, nodes: Sequence[NodeProto], version: str = "1.0", factor: float = 1) -> Path:
    """`nodes` make `probabilities` of what the digits' graph calls so, here `before`."""
    root = Path(shutil.copytree(bundle, folder / f"bundle-{version}-{len(list(folder.iterdir()))}"))
    file = root / "variants" / "onnx-fp32" / "model.onnx"
    model = onnx.load(file)
    for node in model.graph.node:
        node.output[:] = ["before" if name == "probabilities" else name for name in node.output]
    model.graph.node.extend(nodes)
    onnx.checker.check_model(model)
    onnx.save(model, file)
    golden = root / "golden" / "outputs.npz"
    with np.load(golden) as outputs:
        np.savez(golden, **{name: factor * values for name, values in outputs.items()})
    loaded = bundles.load(root)
    bundles.write(dataclasses.replace(loaded, version=version, files=_checksums(root)))
    return root


def _checksums(root: Path) -> dict[str, str]:
    return {name: value for name, value in bundles.checksums(root).items() if name != "model.json"}


def _constant(name: str, value: np.ndarray | np.generic) -> NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value), name))
