"""Pictures of a run: curves.png, confusion.png, predictions.png."""

import contextlib
import itertools
import json
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from torchferry import run_folder
from torchferry.training.errors import CorruptSample
from torchferry.training.evaluation import Evaluation, not_half
from torchferry.training.tasks.task import TrainingTask, as_numpy

matplotlib.use("Agg")  # no display is needed, and none is looked for
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

GRID = (4, 8)
IMAGE, BESIDE, ABOVE, HEADING = 1.2, 0.1, 0.42, 0.4
"""The side of an image of the grid, the space beside it, that for its title, and that for the heading, in inches."""
SMALLEST, LARGEST = 5, 9
"""A title's letters in points, below which nobody reads them."""
LETTER = 0.6
"""How wide one is, of its size."""


def draw_curves(run_dir: Path, headline: str) -> None:
    """Loss and the task's headline over optimizer steps, from metrics.jsonl."""
    lines = [json.loads(line) for line in (run_dir / run_folder.METRICS).read_text().splitlines()]
    figure, (loss, score) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    decides = "validation" if any(line["kind"] == "validation" for line in lines) else "test"
    for kind in ("train", decides):
        points = [(line["step"], line["loss"]) for line in lines if line["kind"] == kind]
        if points:
            loss.plot(*zip(*points, strict=True), label=kind)
    loss.set(xlabel="step", ylabel="loss", yscale="log")
    loss.legend()
    points = [(line["step"], line[headline]) for line in lines if line["kind"] == decides]
    score.plot(*zip(*points, strict=True), marker=".")
    score.set(xlabel="step", ylabel=f"{decides} {headline}")
    _save(figure, run_dir / run_folder.CURVES)


def draw_confusion(run_dir: Path, counts: np.ndarray, labels: tuple[str, ...]) -> None:
    """`counts`: int64 [labels, labels], rows the true ones."""
    figure, axes = plt.subplots(figsize=(6, 6), layout="constrained")
    axes.imshow(counts, cmap="Blues")
    labels = tuple(map(_plain, labels))
    right = f"{counts.trace() / max(counts.sum(), 1):.2%} of {counts.sum()} test samples right"
    axes.set(xlabel="predicted", ylabel="true", title=right)
    axes.set_xticks(range(len(labels)), labels, rotation=90 if max(map(len, labels)) > 2 else 0)
    axes.set_yticks(range(len(labels)), labels)
    for true, row in enumerate(counts.tolist()):
        for predicted, count in enumerate(row):
            if count:
                colour = "white" if count > counts.max() / 2 else "black"
                axes.text(predicted, true, count, ha="center", va="center", color=colour)
    _save(figure, run_dir / run_folder.CONFUSION)


@torch.no_grad()
def draw_predictions(
    run_dir: Path,
    model: nn.Module,
    test: Dataset,
    result: Evaluation,
    task: TrainingTask,
    device: torch.device,
    mode: str,
) -> None:
    """A grid of test images with true and predicted classes or values; mistakes come first, framed in red.

    `mode` is Pillow's name for the images' colours.
    """
    rows, columns = GRID
    samples = _readable(test, [*result.shown, *result.shown_right], rows * columns)
    images = torch.stack([image for image, _ in samples]).to(device)
    answers = as_numpy(task.answers(not_half(model.eval()(images))))
    each = [{name: values[place] for name, values in answers.items()} for place in range(len(samples))]
    titles = [_title(*task.caption(answer, truth)) for (_, truth), answer in zip(samples, each, strict=True)]
    longest = max(len(line) for text, _ in titles for line in text.splitlines())
    size = min(LARGEST, max(SMALLEST, 72 * (IMAGE + BESIDE) / (LETTER * longest)))
    # One pair of axes in inches: a pair for each image would take matplotlib most of a second.
    width, height = columns * (IMAGE + BESIDE) + BESIDE, rows * (IMAGE + ABOVE) + HEADING + BESIDE
    figure = plt.figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    axes.axis("off")
    heading = f"{result.samples} test samples; mistakes in red"
    axes.text(width / 2, HEADING / 2, heading, ha="center", va="center", size=12)
    for index, ((image, truth), (text, mistaken), answer) in enumerate(zip(samples, titles, each, strict=True)):
        row, column = divmod(index, columns)
        corner = BESIDE + column * (IMAGE + BESIDE), HEADING + ABOVE + row * (IMAGE + ABOVE)
        _draw_image(axes, corner, task.drawn(_shown(image, mode), answer, truth), mistaken)
        middle, colour = corner[0] + IMAGE / 2, "red" if mistaken else "black"
        axes.text(middle, corner[1] - 0.06, _plain(text), ha="center", va="bottom", size=size, color=colour)
    _save(figure, run_dir / run_folder.PREDICTIONS)


def draw_points(run_dir: Path, title: str, true: np.ndarray, predicted: np.ndarray, labels: tuple[str, ...]) -> None:
    """Predicted over true values of the first test samples, float64 [samples, labels] each; a colour for each label."""
    figure, axes = plt.subplots(figsize=(6, 6), layout="constrained")
    for output, label in enumerate(labels):
        axes.scatter(true[:, output], predicted[:, output], s=8, label=_plain(label))
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    axes.plot(ends, ends, color="grey", linewidth=1)
    axes.set(xlabel="true", ylabel="predicted", title=title)
    if len(labels) <= 10:
        axes.legend()
    _save(figure, run_dir / run_folder.PREDICTIONS)


def _readable(test: Dataset, first: list[int], count: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """`count` samples, those of `first` before others; what cannot be read is left out."""
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    rest = (index for index in range(len(test)) if index not in first)  # type: ignore[arg-type]  # map-style
    for index in itertools.chain(first, rest):
        if len(found) == count:
            break
        with contextlib.suppress(CorruptSample):
            found.append(test[index])
    return found


def _shown(image: torch.Tensor, mode: str) -> np.ndarray:
    """[height, width, channels] of those that matplotlib takes, which are neither LA nor CMYK."""
    pixels = image.permute(1, 2, 0).numpy()
    if mode not in ("LA", "CMYK"):
        return pixels
    picture = Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    return np.asarray(picture.convert("RGBA" if mode == "LA" else "RGB"))


def _draw_image(axes: Axes, corner: tuple[float, float], image: np.ndarray, framed: bool) -> None:
    """In the middle of the square of side IMAGE that has this upper left corner."""
    height, width = (side * IMAGE / max(image.shape[:2]) for side in image.shape[:2])
    left, top = corner[0] + (IMAGE - width) / 2, corner[1] + (IMAGE - height) / 2
    extent = (left, left + width, top + height, top)
    axes.imshow(image, cmap="gray", extent=extent, aspect="auto")
    if framed:
        axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor="red", linewidth=3))


def _title(text: str, mistaken: bool) -> tuple[str, bool]:
    """What stands above an image, each line of it short."""
    return "\n".join(map(_short, text.split("\n"))), mistaken


def _short(label: str) -> str:
    """No longer than fits above an image; the end of a name tells it from others as its beginning."""
    label, most = " ".join(label.split()), int(72 * (IMAGE + BESIDE) / (LETTER * SMALLEST))
    return label if len(label) <= most else f"{label[: most // 2]}…{label[len(label) - (most - 1) // 2 :]}"


def _plain(label: str) -> str:
    """Without what matplotlib would take for a formula."""
    return label.replace("$", r"\$")


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=120)
    plt.close(figure)
