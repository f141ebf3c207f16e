"""Pictures are drawn of whatever a run has: mistakes are framed, odd labels and holes do no harm."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from tests.training import tiny
from torchferry.contract.tasks.classes import Classification
from torchferry.training.errors import CorruptSample
from torchferry.training.evaluation import Evaluation
from torchferry.training.outputs.plots import (
    ABOVE,
    BESIDE,
    HEADING,
    IMAGE,
    draw_confusion,
    draw_curves,
    draw_points,
    draw_predictions,
)
from torchferry.training.tasks import half_of

# matplotlib makes arrays of torch's tensors in a way that numpy 2 warns of.
CPU = torch.device("cpu")
ODD = (r"$\no$", "a_b")
TWO = half_of(Classification(labels=ODD))


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


class Marked(Dataset):
    """Images of five columns, of which the sample's own is bright."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return 255 * (torch.arange(25).view(1, 5, 5) % 5 == index).to(torch.uint8), torch.tensor(0)


class Says(nn.Module):
    """Always the same."""

    def __init__(self, *outputs: float) -> None:
        super().__init__()
        self.outputs = torch.tensor(outputs)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.outputs.expand(len(images), -1)


def result(shown: list[int] | None = None) -> Evaluation:
    return Evaluation(split="test", samples=4, corrupt=1, values={}, score=0.75, shown=shown or [])


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
            tmp_path,
            Says(0.0, 1.0),
            Shades(torch.tensor(target)),
            result([3, 1]),
            TWO,
            CPU,
            "L",
        )
        found.append(reds(tmp_path / "predictions.png"))
    assert found[0] > 1000
    assert found[1] == 0


def test_what_is_worth_it_comes_first(tmp_path: Path) -> None:
    """Each picture of the grid says by its one bright column which sample it is."""
    found = replace(result([4]), shown_right=[3])
    draw_predictions(tmp_path, Says(1.0, 0.0), Marked(), found, TWO, CPU, "L")
    grid = pixels(tmp_path / "predictions.png")[int(120 * (HEADING + ABOVE + IMAGE / 2)), :, 0]
    seen = []
    for place in range(5):
        left = 120 * (BESIDE + place * (IMAGE + BESIDE))
        columns = [int(grid[int(left + 120 * IMAGE * (column + 0.5) / 5)]) for column in range(5)]
        seen.append(columns.index(255))
    assert seen == [4, 3, 0, 1, 2]


class Uniform(Dataset):
    def __init__(self, colour: tuple[int, ...]) -> None:
        self.colour = colour

    def __len__(self) -> int:
        return 1

    def __getitem__(self, _: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.tensor(self.colour, dtype=torch.uint8)[:, None, None].expand(-1, 4, 6), torch.tensor(0)


@pytest.mark.parametrize(
    ("mode", "colour", "drawn"),
    [
        ("RGB", (9, 99, 200), (9, 99, 200)),
        ("RGBA", (9, 99, 200, 255), (9, 99, 200)),
        ("LA", (70, 255), (70, 70, 70)),
        ("LA", (70, 0), (255, 255, 255)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
    ],
)
def test_pictures_have_their_colours(
    mode: str, colour: tuple[int, ...], drawn: tuple[int, ...], tmp_path: Path
) -> None:
    draw_predictions(tmp_path, Says(1.0, 0.0), Uniform(colour), result(), TWO, CPU, mode)
    middle = int(120 * (HEADING + ABOVE + IMAGE / 2)), int(120 * (BESIDE + IMAGE / 2))
    assert tuple(pixels(tmp_path / "predictions.png")[middle].tolist()) == drawn


def test_values_have_no_mistakes(tmp_path: Path) -> None:
    shades = Shades(torch.tensor([0.5]))
    draw_predictions(tmp_path, Says(2.0), shades, result(), tiny.task("regression", 1), CPU, "L")
    assert reds(tmp_path / "predictions.png") == 0


def test_a_confusion_is_drawn_with_labels_that_look_like_formulas(tmp_path: Path) -> None:
    draw_confusion(tmp_path, np.array([[3, 0], [1, 0]]), ODD)
    assert min(pixels(tmp_path / "confusion.png").shape[:2]) > 300


def test_points_of_many_outputs_are_drawn(tmp_path: Path) -> None:
    draw_points(tmp_path, "r2 0.5", np.random.rand(7, 10), np.random.rand(7, 10), (*ODD, *"cdefghij"))
    assert min(pixels(tmp_path / "predictions.png").shape[:2]) > 300


def test_curves_are_drawn_of_losses_and_of_scores_that_are_no_numbers(tmp_path: Path) -> None:
    rows = [{"kind": kind, "step": step, "loss": 1 / step, "r2": None} for step in (1, 2) for kind in ("train", "test")]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    draw_curves(tmp_path, "r2")
    assert min(pixels(tmp_path / "curves.png").shape[:2]) > 300
