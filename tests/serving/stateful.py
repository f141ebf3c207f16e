"""Networks that carry state from request to request, and the reference and the bundle of one that adds up."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper
from torch import nn
from torch.utils.data import TensorDataset

from tests.serving.export.tiny_reference import half
from tests.serving.tiny_bundle import FILE, described
from torchferry.contract.tasks.find import task_of
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.bundle.state import START
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.training.tasks.task import Served

STATE = {"total": "next_total"}
INPUTS = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 2)) for name in ("x", "total"))
OUTPUTS = tuple(TensorSpec(name=name, datatype="FP32", shape=(-1, 2)) for name in ("y", "next_total"))


class Fed(nn.Module):
    """A GRU that is fed piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.cell, self.head = nn.GRUCell(6, 5), nn.Linear(5, 3)

    def forward(self, piece: torch.Tensor, hidden: torch.Tensor) -> dict[str, torch.Tensor]:
        hidden = self.cell(piece, hidden)
        return {"scores": self.head(hidden), "hidden": hidden}


class Layers(nn.Module):
    """Two cells above each other, whose state is as torch's GRU has it: [layers, batch, size]."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.lower, self.upper, self.head = nn.GRUCell(6, 5), nn.GRUCell(5, 5), nn.Linear(5, 3)

    def forward(self, piece: torch.Tensor, hidden: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        lower = self.lower(piece, hidden[0])
        upper = self.upper(lower, hidden[1])
        return self.head(upper), torch.stack([lower, upper])


class Adding(nn.Module):
    """y is what came so far, doubled; `factor` of it is carried."""

    def __init__(self, factor: float = 1.0) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor, total: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        total = self.factor * total + x
        return 2 * total, total


def reference_of(network: nn.Module, **change: Any) -> Reference:
    """Of one that takes and gives what Adding does."""
    chance = torch.Generator().manual_seed(0)
    samples = Samples(TensorDataset(*(torch.randn(8, 2, generator=chance) for _ in INPUTS)), ("x", "total"))
    content: dict[str, Any] = {
        "name": "adding",
        "task": task_of("tensors", ()).of_outputs({spec.name: None for spec in OUTPUTS}),
        "module": Served(network, half("tensors")).eval(),
        "inputs": INPUTS,
        "outputs": OUTPUTS,
        "test": samples,
        "calibration": None,
        "limits": {},
        "provenance": {},
        "state": STATE,
        "start": {"total": np.zeros(2, np.float32)},
    }
    return Reference(**content | change)


def written_adding(
    folder: Path, name: str = "adding", version: str = "1.0", start: float = 0.0, width: int = 2
) -> Bundle:
    """A bundle of Adding in a folder of its own there, of `width` numbers, whose sequences begin with `start`."""
    root = folder / f"{name}-{version}"
    for part in ("golden", "state", Path(FILE).parent):
        (root / part).mkdir(parents=True)
    inputs, outputs = ([replace(spec, shape=(-1, width)) for spec in specs] for specs in (INPUTS, OUTPUTS))
    x, total = np.full((2, width), [[0.25], [0.75]], np.float32), np.ones((2, width), np.float32)
    np.savez(root / "golden" / "inputs.npz", x=x, total=total)
    np.savez(root / "golden" / "outputs.npz", y=2 * (x + total), next_total=x + total)
    np.savez(root / START, total=np.full(width, start, np.float32))
    ends = [
        [helper.make_tensor_value_info(spec.name, TensorProto.FLOAT, ["n", width]) for spec in specs]
        for specs in (inputs, outputs)
    ]
    nodes = [
        helper.make_node("Add", ["x", "total"], ["next_total"]),
        helper.make_node("Add", ["next_total", "next_total"], ["y"]),
    ]
    graph = helper.make_graph(nodes, "adding", ends[0], ends[1])
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    onnx.save(model, root / FILE)
    bundle = described(
        root,
        name=name,
        version=version,
        task="tensors",
        labels=(),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        state=STATE,
        files=bundles.checksums(root),
    )
    bundles.write(bundle)
    return bundle
