"""A segmenter that nobody trained: how bright a pixel is decides between three classes, by four convolutions.

As in planted_detector.py a number that is thousands of times as large, and that nothing needs, passes through beside.
"""

from typing import Any

import numpy as np
import torch
from torch import nn

from tests.serving.export.planted_detector import LARGE, _conv, _diagonal
from torchferry.contract.tasks.segmentation import Segmentation
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import Served

SIZE, OBJECTS = 32, 6
TASK = Segmentation(labels=("ground", "road", "sky"))


class PlantedSegmenter(nn.Module):
    def __init__(self, large: float = LARGE) -> None:
        super().__init__()
        self.light = _conv(torch.tensor([[1.0], [0.0]]), [0, 1.0])
        self.hidden = _conv(_diagonal(1, large), [0, 0])
        self.mixed = _conv(_diagonal(1, 0), [0, 0])
        # Lines whose upper hull changes at 0.33 and 0.66 of full light.
        self.score = _conv(torch.tensor([[0.0, 0], [30, 0], [60, 0]]), [0, -10, -30])

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return self.score(self.mixed(self.hidden(self.light(pictures.float() / 255))))


def scenes(count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Rectangles of both classes on the ground, with noise that leaves no pixel near a decision."""
    random, found = np.random.default_rng(0), []
    for _ in range(count):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        for number in range(OBJECTS):
            top, left = random.integers(0, SIZE - 8, 2)
            mask[top : top + random.integers(3, 9), left : left + random.integers(3, 9)] = 1 + number % 2
        picture = (mask * 85 + random.integers(20, 65, mask.shape)).clip(0, 255).astype(np.uint8)
        found.append((torch.from_numpy(picture)[None], torch.from_numpy(mask)))
    return found


def planted_reference(network: nn.Module, count: int = 100) -> Reference:
    samples = Samples(scenes(count), ("image",))  # type: ignore[arg-type]  # a list is map-style
    content: dict[str, Any] = {
        "name": "planted",
        "task": TASK,
        "module": Served(network, half_of(TASK)).eval(),
        "inputs": (TensorSpec(name="image", datatype="UINT8", shape=(-1, 1, SIZE, SIZE)),),
        "outputs": (TensorSpec(name="classes", datatype="UINT8", shape=(-1, SIZE, SIZE)),),
        "test": samples,
        "calibration": samples,
        "limits": {},
        "provenance": {"trained_with_torch": "2.0"},
    }
    return Reference(**content)
