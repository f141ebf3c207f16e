"""Pictures of a run: curves.png, confusion.png, predictions.png."""

import json
from pathlib import Path

import matplotlib
import torch
from torch import nn
from torch.utils.data import Dataset

from training.evaluate import Evaluation

matplotlib.use("Agg")  # no display is needed, and none is looked for
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

GRID = (4, 8)


def draw_curves(run_dir: Path) -> None:
    """Loss and accuracy over optimizer steps, from metrics.jsonl."""
    lines = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    figure, (loss, accuracy) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for kind in ("train", "test"):
        points = [(line["step"], line["loss"]) for line in lines if line["kind"] == kind]
        loss.plot(*zip(*points, strict=True), label=kind)
    loss.set(xlabel="step", ylabel="loss", yscale="log")
    loss.legend()
    points = [(line["step"], 100 * line["accuracy"]) for line in lines if line["kind"] == "test"]
    accuracy.plot(*zip(*points, strict=True))
    accuracy.set(xlabel="step", ylabel="test accuracy, %")
    _save(figure, run_dir / "curves.png")


def draw_confusion(run_dir: Path, result: Evaluation, labels: tuple[str, ...]) -> None:
    figure, axes = plt.subplots(figsize=(6, 6), layout="constrained")
    counts = result.confusion
    axes.imshow(counts, cmap="Blues")
    axes.set(xlabel="predicted", ylabel="true", title=f"{result.accuracy:.2%} of {result.samples} test samples right")
    axes.set_xticks(range(len(labels)), labels, rotation=90 if max(map(len, labels)) > 2 else 0)
    axes.set_yticks(range(len(labels)), labels)
    for true, row in enumerate(counts.tolist()):
        for predicted, count in enumerate(row):
            if count:
                colour = "white" if count > counts.max() / 2 else "black"
                axes.text(predicted, true, count, ha="center", va="center", color=colour)
    _save(figure, run_dir / "confusion.png")


@torch.no_grad()
def draw_predictions(
    run_dir: Path, model: nn.Module, test: Dataset, result: Evaluation, labels: tuple[str, ...], device: torch.device
) -> None:
    """A grid of test images with true and predicted labels; the mistakes come first, framed in red."""
    rows, columns = GRID
    rest = [index for index in range(result.samples) if index not in result.mistakes]
    shown = (result.mistakes + rest)[: rows * columns]
    images = torch.stack([test[index][0] for index in shown])
    predicted = model.eval()(images.to(device)).argmax(dim=1).tolist()
    figure, grid = plt.subplots(rows, columns, figsize=(1.3 * columns, 1.6 * rows), layout="constrained")
    figure.suptitle(f"{result.samples} test samples, {100 * (1 - result.accuracy):.2f} % wrong; mistakes in red")
    for axes in grid.flat:
        axes.axis("off")
    for axes, index, image, guess in zip(grid.flat, shown, images, predicted, strict=False):
        truth = int(test[index][1])
        axes.imshow(image.permute(1, 2, 0), cmap="gray")
        title = labels[truth] if guess == truth else f"{labels[truth]}, not {labels[guess]}"
        axes.set_title(title, fontsize=9, color="black" if guess == truth else "red")
        if guess != truth:
            axes.add_patch(Rectangle((0, 0), 1, 1, transform=axes.transAxes, fill=False, edgecolor="red", linewidth=3))
    _save(figure, run_dir / "predictions.png")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=120)
    plt.close(figure)
