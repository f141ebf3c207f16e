"""A bundle made by hand within milliseconds, of which a test says only what it is about; described, or written."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from torchferry.contract.table import TableSpec
from torchferry.contract.tasks.classes import Binary
from torchferry.contract.tasks.find import task_of
from torchferry.contract.tasks.task import Task
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.tensor_spec import ImageDecode, TensorSpec
from torchferry.serving.bundle.variant import Measured, Speed, Variant

VARIANT = "onnx-fp32"
FILE = f"variants/{VARIANT}/model.onnx"
GOLDEN = np.array([[0.25, 0.75], [0.5, 0.5]], np.float32)
"""The golden inputs of a written bundle."""


def variant(batch_1_ms: float = 0.01, **change: Any) -> Variant:
    """So quick that a server gives it one thread."""
    measured = Measured(
        samples=2,
        max_abs_diff=0.0,
        mean_abs_diff=0.0,
        relative_error=0.0,
        agreement=1.0,
        score=None,
        score_drop=None,
    )
    made = Variant(
        status="accepted",
        reason=None,
        note=None,
        file=FILE,
        bytes=1,
        measured=measured,
        speed=Speed(load_seconds=0.1, batch_1_ms=batch_1_ms, batch_8_ms=2 * batch_1_ms, threads=1),
        limits={},
        golden_tolerance=1e-4,
    )
    return dataclasses.replace(made, **change)


def described(
    root: Path = Path("nowhere"),
    columns: int = 3,
    task: str | Task = "classification",
    labels: tuple[str, ...] = ("no", "yes"),
    outputs: tuple[TensorSpec, ...] | None = None,
    **change: Any,
) -> Bundle:
    """Takes `row` of [batch, columns] and answers no or yes; no file is written. A task may be said by its name; its
    one output is as wide as the labels, if nothing else is said."""
    meant = task_of(task, labels) if isinstance(task, str) else task
    outputs = outputs or (TensorSpec(name=one_output(meant), datatype="FP32", shape=(-1, width(meant))),)
    bundle = Bundle(
        root=root,
        name="tiny",
        version="1.0",
        task=meant.of_outputs({spec.name: spec.labels for spec in outputs}),
        inputs=(TensorSpec(name="row", datatype="FP32", shape=(-1, columns)),),
        outputs=outputs,
        reference={"label_shares": [0.75, 0.25]},
        variants={VARIANT: variant()},
        skipped={},
        provenance={},
        files={},
    )
    return dataclasses.replace(bundle, **change)


def one_output(task: Task) -> str:
    return task.outputs[0] if task.outputs else "probabilities"


def width(task: Task) -> int:
    """Of the one output."""
    return 1 if isinstance(task, Binary) else len(task.labels) or 2


def written(folder: Path, name: str = "tiny", version: str = "1.0", factor: float = 1.0) -> Bundle:
    """A bundle in a folder of its own there; its answers are its rows of two columns, `factor` times as large."""
    root = folder / f"{name}-{version}"
    for part in ("golden", f"variants/{VARIANT}"):
        (root / part).mkdir(parents=True)
    np.savez(root / "golden" / "inputs.npz", row=GOLDEN)
    np.savez(root / "golden" / "outputs.npz", probabilities=np.float32(factor) * GOLDEN)
    _save_graph(root / FILE, factor)
    bundle = described(root, columns=2, name=name, version=version, files=bundles.checksums(root))
    bundles.write(bundle)
    return bundle


def written_external(folder: Path) -> Bundle:
    """One whose graph has its weights in a file beside it."""
    bundle = written(folder, "external")
    graph = onnx.load(bundle.root / FILE)
    onnx.save(graph, bundle.root / FILE, save_as_external_data=True, location="model.onnx.data", size_threshold=0)
    (bundle.root / "model.json").unlink()
    bundle = dataclasses.replace(bundle, files=bundles.checksums(bundle.root))
    bundles.write(bundle)
    return bundle


def written_table(folder: Path, table: TableSpec, golden: np.ndarray) -> Bundle:
    """One that answers with the row of numbers itself: what its `table` makes of a record. `golden` is float32."""
    root, width = folder / "table-1.0", len(table.numbers)
    for part in ("golden", f"variants/{VARIANT}"):
        (root / part).mkdir(parents=True)
    np.savez(root / "golden" / "inputs.npz", row=golden)
    np.savez(root / "golden" / "outputs.npz", values=golden)
    _save_graph(root / FILE, 1.0, width, "values")
    row = TensorSpec(name="row", datatype="FP32", shape=(-1, width), allow_nan=table.takes_missing, table=table)
    bundle = described(
        root,
        name="table",
        task="regression",
        labels=table.numbers,
        inputs=(row,),
        outputs=(TensorSpec(name="values", datatype="FP32", shape=(-1, width)),),
        files=bundles.checksums(root),
    )
    bundles.write(bundle)
    return bundle


def written_several(folder: Path) -> Bundle:
    """One of three outputs, each its row of two columns; two of them have labels of their own."""
    root, golden = folder / "several-1.0", GOLDEN
    for part in ("golden", f"variants/{VARIANT}"):
        (root / part).mkdir(parents=True)
    labels = {"kind": ("car", "bus"), "colour": ("red", "blue"), "size": None}
    np.savez(root / "golden" / "inputs.npz", row=golden)
    np.savez(root / "golden" / "outputs.npz", **dict.fromkeys(labels, golden))  # type: ignore[arg-type]
    _save_graph(root / FILE, 1.0, 2, *labels)
    bundle = described(
        root,
        columns=2,
        name="several",
        task="tensors",
        labels=(),
        outputs=tuple(
            TensorSpec(name=name, datatype="FP32", shape=(-1, 2), labels=own) for name, own in labels.items()
        ),
        files=bundles.checksums(root),
    )
    bundles.write(bundle)
    return bundle


def written_pictures(folder: Path) -> Bundle:
    """One whose input is said to be a picture; its graph takes none, and is never asked."""
    bundle = written(folder, "pictures")
    decode = ImageDecode(mode="L", height=1, width=2, interpolation="bilinear")
    inputs = tuple(dataclasses.replace(spec, decode=decode) for spec in bundle.inputs)
    bundle = dataclasses.replace(bundle, inputs=inputs)
    bundles.write(bundle)
    return bundle


def _save_graph(path: Path, factor: float, width: int = 2, *outputs: str) -> None:
    outputs = outputs or ("probabilities",)
    row, *ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", width]) for name in ("row", *outputs)]
    nodes = [helper.make_node("Mul", ["row", "factor"], [output]) for output in outputs]
    factors = [numpy_helper.from_array(np.array(factor, np.float32), "factor")]
    graph = helper.make_graph(nodes, "tiny", [row], ends, factors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
