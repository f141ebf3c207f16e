"""Bundles and archives made by hand within milliseconds: a table of two columns, whose answers are its rows."""

import dataclasses
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import yaml
from onnx import TensorProto, helper

from serving import bundle as bundles
from serving.bundle import Bundle, TensorSpec
from serving.variant import Measured, Speed, Variant

ROWS = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
"""The golden inputs, and the golden outputs."""
FILE = "variants/onnx-fp32/model.onnx"
VARIANT = Variant(
    status="accepted",
    reason=None,
    note=None,
    file=FILE,
    bytes=0,
    measured=Measured(
        samples=2,
        max_abs_diff=0,
        mean_abs_diff=0,
        relative_error=0,
        top1_agreement=1,
        accuracy=None,
        accuracy_drop=None,
    ),
    speed=Speed(load_seconds=0, batch_1_ms=0, batch_8_ms=0, threads=1),
    limits={},
    golden_tolerance=1e-4,
)


def described(root: Path = Path("nowhere"), **changed: Any) -> Bundle:
    """What its model.json says; no file is written."""
    bundle = Bundle(
        root=root,
        name="table",
        version="1.0",
        task="classification",
        inputs=(TensorSpec(name="row", datatype="FP32", shape=(-1, 2)),),
        outputs=(TensorSpec(name="probabilities", datatype="FP32", shape=(-1, 2)),),
        decode=None,
        labels=("no", "yes"),
        reference={"label_shares": [0.25, 0.75]},
        variants={"onnx-fp32": VARIANT},
        skipped={},
        provenance={},
        files={},
    )
    return dataclasses.replace(bundle, **changed)


def written(root: Path, **changed: Any) -> Bundle:
    """The same as a folder that is a bundle."""
    for folder in ("golden", "variants/onnx-fp32"):
        (root / folder).mkdir(parents=True)
    np.savez(root / "golden/inputs.npz", row=ROWS)
    np.savez(root / "golden/outputs.npz", probabilities=ROWS)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 2]) for name in ("row", "probabilities")]
    graph = helper.make_graph([helper.make_node("Identity", ["row"], ["probabilities"])], "table", ends[:1], ends[1:])
    opset = helper.make_opsetid("", 17)
    onnx.save(helper.make_model(graph, ir_version=9, opset_imports=[opset]), root / FILE)
    bundle = described(root, files=bundles.checksums(root), **changed)
    bundles.write(bundle)
    return bundle


def archived(
    folder: Path, name: str = "table-onnx-fp32", version: str = "1.0", workers: int = 1, bundle: Bundle | None = None
) -> Path:
    """An archive as `serving archive` lays it out, without the code; with the files of a bundle, if it is given."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.mar"
    with zipfile.ZipFile(path, "w") as mar:
        model = {"modelName": name, "modelVersion": version}
        mar.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": model}))
        mar.writestr("model-config.yaml", yaml.safe_dump({"minWorkers": workers}))
        mar.writestr("handler.py", "")
        for file in ("model.json", *(bundle.files if bundle else ())):
            mar.writestr(file, (bundle.root / file).read_bytes() if bundle else b"")
    return path
