"""Pictures are drawn of whatever a run has: mistakes are framed, odd labels and holes do no harm."""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from torchferry.training.errors import CorruptSample
from torchferry.training.evaluation import Evaluation
from torchferry.training.outputs.plots import draw_confusion, draw_curves, draw_points, draw_predictions
from torchferry.training.tasks import TASKS

# matplotlib makes arrays of torch's tensors in a way that numpy 2 warns of.
CPU = torch.device("cpu")
ODD = (r"$\no$", "a_b")


class Shades(Dataset):
    """Grey images of a class, or value; the second cannot be read."""

    def __init__(self, target: torch.Tensor) -> None:
        self.target = target

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        if index == 1:
            raise CorruptSample("sample 1 is cut")
        return torch.full((1, 2, 2), 40 * index, dtype=torch.uint8), self.target


class Says(nn.Module):
    """Always the same."""

    def __init__(self, *outputs: float) -> None:
        super().__init__()
        self.outputs = torch.tensor(outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.outputs.expand(len(images), -1)


def result(shown: list[int] | None = None, points: torch.Tensor | None = None) -> Evaluation:
    return Evaluation(
        split="test",
        samples=4,
        corrupt=1,
        values={},
        score=0.75,
        confusion=None,
        shown=shown or [],
        points=torch.empty(0, 2, 1) if points is None else points,
    )


def pixels(picture: Path) -> np.ndarray:
    with Image.open(picture) as image:
        return np.asarray(image.convert("RGB"))


def reds(picture: Path) -> int:
    """How many pixels are red, as frames and titles of mistakes are."""
    return int((pixels(picture) == (255, 0, 0)).all(axis=2).sum())


def test_mistakes_are_framed_and_samples_that_cannot_be_read_left_out(tmp_path: Path) -> None:
    found = []
    for target in (0, 1):
        draw_predictions(
            tmp_path, Says(0.0, 1.0), Shades(torch.tensor(target)), result([3, 1]), ODD, TASKS["classification"], CPU
        )
        found.append(reds(tmp_path / "predictions.png"))
    assert found[0] > 1000
    assert found[1] == 0


def test_values_have_no_mistakes(tmp_path: Path) -> None:
    shades = Shades(torch.tensor([0.5]))
    draw_predictions(tmp_path, Says(2.0), shades, result(), ("size",), TASKS["regression"], CPU)
    assert reds(tmp_path / "predictions.png") == 0


def test_a_confusion_is_drawn_with_labels_that_look_like_formulas(tmp_path: Path) -> None:
    draw_confusion(tmp_path, result(), torch.tensor([[3, 0], [1, 0]]), ODD)
    assert min(pixels(tmp_path / "confusion.png").shape[:2]) > 300


def test_points_of_many_outputs_are_drawn(tmp_path: Path) -> None:
    draw_points(tmp_path, result(points=torch.rand(7, 2, 10)), (*ODD, *"cdefghij"))
    assert min(pixels(tmp_path / "predictions.png").shape[:2]) > 300


def test_curves_are_drawn_of_losses_and_of_scores_that_are_no_numbers(tmp_path: Path) -> None:
    rows = [{"kind": kind, "step": step, "loss": 1 / step, "r2": None} for step in (1, 2) for kind in ("train", "test")]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    draw_curves(tmp_path, "r2")
    assert min(pixels(tmp_path / "curves.png").shape[:2]) > 300
