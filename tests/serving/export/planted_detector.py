"""A detector that nobody trained: cells of 8 x 8 pixels whose left or right half is bright, by five convolutions.

`hidden` passes the two halves' brightness on to `mixed` beside a number that is thousands of times as large and that
nothing needs, so that eight bits have none left for what is needed.
"""

from typing import Any

import numpy as np
import torch
from torch import nn

from torchferry.contract.tasks.detection import Detection
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import Served

SIZE, CELL = 64, 8
LABELS = ("left", "right")
TASK = Detection(labels=LABELS, max_detections=16, candidates=64)
LARGE = 5000.0


class PlantedDetector(nn.Module):
    cells: torch.Tensor

    def __init__(self, large: float = LARGE) -> None:
        super().__init__()
        halves = torch.zeros(3, 1, CELL, CELL)
        halves[0, 0, :, : CELL // 2] = halves[1, 0, :, CELL // 2 :] = 2 / CELL**2
        self.halves = _conv(halves, [0, 0, 1.0], CELL)
        self.hidden = _conv(_diagonal(1, 1, large), [0, 0, 0])
        self.mixed = _conv(_diagonal(1, 1, 0), [0, 0, 0])
        self.score = _conv(torch.tensor([[10.0, -10, 0], [-10, 10, 0]]), [-5, -5])
        self.box = _conv(torch.zeros(4, 3), [0, 0, 0, 0])
        corners = torch.arange(SIZE // CELL) * float(CELL)
        y, x = torch.meshgrid(corners, corners, indexing="ij")
        self.register_buffer("cells", torch.stack([x, y, x + CELL, y + CELL], dim=2).flatten(0, 1))

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        features = self.mixed(self.hidden(self.halves(pictures.float() / 255)))
        logits, sides = (head(features).flatten(2).transpose(1, 2) for head in (self.score, self.box))
        return {"boxes": self.cells + sides, "logits": logits, "anchors": self.cells.expand(pictures.shape[0], -1, -1)}


def _diagonal(*values: float) -> torch.Tensor:
    return torch.diag(torch.tensor(values, dtype=torch.float32))


def _conv(weight: torch.Tensor, bias: list[float], side: int = 1) -> nn.Conv2d:
    weight = weight if weight.dim() == 4 else weight[:, :, None, None]
    made = nn.Conv2d(weight.shape[1], weight.shape[0], side, stride=side)
    made.weight.data, made.bias.data = weight.clone(), torch.tensor(bias, dtype=torch.float32)  # type: ignore[union-attr]
    return made


def scenes(count: int, seed: int = 0) -> list[tuple[torch.Tensor, dict[str, torch.Tensor]]]:
    """0 to 12 halves in each, on noise."""
    random, found = np.random.default_rng(seed), []
    for _ in range(count):
        picture = random.integers(0, 60, (SIZE, SIZE))
        cells = random.permutation((SIZE // CELL) ** 2)[: random.integers(0, 13)]
        corners = np.stack([cells % (SIZE // CELL), cells // (SIZE // CELL)], axis=1) * CELL
        labels = random.integers(0, 2, len(cells))
        for (x, y), label in zip(corners, labels, strict=True):
            left = x + label * (CELL // 2)
            picture[y : y + CELL, left : left + CELL // 2] += random.integers(110, 190)
        boxes = torch.from_numpy(np.concatenate([corners, corners + CELL], axis=1)).float()
        target = {"boxes": boxes.reshape(-1, 4), "labels": torch.from_numpy(labels)}
        found.append((torch.from_numpy(picture.clip(0, 255).astype(np.uint8))[None], target))
    return found


def planted_reference(network: nn.Module, count: int = 100, **change: Any) -> Reference:
    half = half_of(TASK)
    samples = Samples(scenes(count), ("image",), task=half)  # type: ignore[arg-type]  # a list is map-style
    rows = TASK.max_detections
    content: dict[str, Any] = {
        "name": "planted",
        "task": TASK,
        "module": Served(network, half).eval(),
        "inputs": (TensorSpec(name="image", datatype="UINT8", shape=(-1, 1, SIZE, SIZE)),),
        "outputs": tuple(
            TensorSpec(name=name, datatype=datatype, shape=(-1, *shape))
            for name, datatype, shape in zip(
                TASK.outputs, ("FP32", "INT64", "FP32", "INT64"), ((rows, 4), (rows,), (rows,), ()), strict=True
            )
        ),
        "test": samples,
        "calibration": samples,
        "limits": {},
        "provenance": {"trained_with_torch": "2.0"},
    }
    return Reference(**content | change)
