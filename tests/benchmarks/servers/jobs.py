"""A peer's job for tests: a bundle of a model that returns an image's pixels, and two images of 2 x 2."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from tests.serving.tiny_bundle import FILE, described
from torchferry.benchmarks.servers.peer import Job
from torchferry.benchmarks.servers.samples import write_samples
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec

IMAGES = np.arange(8, dtype=np.uint8).reshape(2, 1, 2, 2)
GREY = ImageDecode(mode="L", height=2, width=2, interpolation="bilinear")
PIXELS = IMAGES.reshape(2, 4).astype(np.float32)


def write_model(path: Path) -> None:
    nodes = [
        helper.make_node("Flatten", ["image"], ["flat"]),
        helper.make_node("Cast", ["flat"], ["pixels"], to=TensorProto.FLOAT),
    ]
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 1, 2, 2])
    pixels = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["batch", 4])
    graph = helper.make_graph(nodes, "pixels", [image], [pixels])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def a_bundle(root: Path, **change: Any) -> Bundle:
    """All of its files are there, model.json too."""
    for name in ("golden/inputs.npz", "golden/outputs.npz", FILE):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
    np.savez(root / "golden" / "inputs.npz", image=IMAGES)
    np.savez(root / "golden" / "outputs.npz", pixels=PIXELS)
    write_model(root / FILE)
    usual: dict[str, Any] = {
        "inputs": (TensorSpec(name="image", datatype="UINT8", shape=(-1, 1, 2, 2), decode=GREY),),
        "outputs": (TensorSpec(name="pixels", datatype="FP32", shape=(-1, 4)),),
        "labels": (),
        "files": bundles.checksums(root),
    }
    bundle = described(root, **usual | change)
    bundles.write(bundle)
    return bundle


def a_job(folder: Path, **change: Any) -> Job:
    """For two threads; the bundle, the samples and what the peer makes are in `folder`."""
    bundle = a_bundle(folder / "bundle")
    write_samples(bundle, folder / "tensors", folder / "bodies")
    usual: dict[str, Any] = {
        "bundle": bundle,
        "variant": "onnx-fp32",
        "model": bundle.root / FILE,
        "threads": 2,
        "cpus": (),
        "tensors": folder / "tensors",
        "bodies": folder / "bodies",
        "folder": folder,
        "timeout": 30,
    }
    return Job(**usual | change)
