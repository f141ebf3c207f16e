"""Held-out samples as image files: `torchferry samples runs/digits --count 100 --output DIR`.

For sending to a server by hand: one folder per class, and samples.csv with each file's true label and
the label that the checkpoint gives in this process.
"""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.transforms.v2.functional import to_pil_image

from torchferry import run_folder
from torchferry.arguments import Parser
from torchferry.contract.resize import framed
from torchferry.contract.tasks import name_of
from torchferry.errors import UserError
from torchferry.files import write_whole
from torchferry.training.data.source import ImageInput
from torchferry.training.models.saved import ModelCard, evaluation_data, load_model
from torchferry.training.tasks import half_class, half_of
from torchferry.training.tasks.task import as_numpy
from torchferry.whole_folder import whole_folder


def main(arguments: Sequence[str]) -> None:
    parser = Parser(prog="torchferry samples", description=__doc__)
    parser.add_argument("run", type=Path, help="a finished run folder")
    parser.add_argument("--count", type=int, default=100, help="how many, from the start of the test set (default 100)")
    parser.add_argument("--output", type=Path, help="the folder to write; must not exist (default RUN/samples)")
    options = parser.parse_args(arguments)
    if options.count < 1:
        raise UserError(f"--count: {options.count} is too small; give 1 or more")
    folder = options.output or options.run / run_folder.SAMPLES
    count = write_samples(options.run, folder, options.count)
    print(f"{count} images and samples.csv in {folder}")


@torch.no_grad()
def write_samples(run: Path, folder: Path, count: int) -> int:
    """Write the first `count` test samples as PNG; returns how many there were."""
    model, card = load_model(run)
    if half_class(type(card.task)).targets != "classes" or not isinstance(card.input, ImageInput):
        raise UserError(
            f"{run}: is a model for {name_of(type(card.task))}; only classified images can be written as files"
        )
    with whole_folder(folder) as written:
        source = evaluation_data(card)
        samples = [source.test[index] for index in range(min(count, source.test_size))]
        answers = half_of(card.task).answers(model(torch.stack([image for image, _ in samples])))
        predicted = card.task.rows(as_numpy(answers), np.array([int(truth) for _, truth in samples]))[
            "predicted"
        ].tolist()
        _write(written, samples, predicted, card)
    return len(samples)


def _write(folder: Path, samples: Sequence[Any], predicted: Sequence[int], card: ModelCard) -> None:
    assert isinstance(card.input, ImageInput)
    labels, mode = card.labels, card.input.mode
    suffix = "tiff" if mode == "CMYK" else "png"  # PNG has no CMYK
    rows = [["file", "label", "predicted"]]
    for index, ((image, truth), guess) in enumerate(zip(samples, predicted, strict=True)):
        path = folder / labels[truth].replace("/", "_").replace("..", "_") / f"{index:05d}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        pixels = framed(image.numpy(), card.input)  # so that a server that crops it sees the sample
        to_pil_image(torch.from_numpy(pixels), mode).save(path)
        rows.append([str(path.relative_to(folder)), labels[truth], labels[guess]])
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows(rows)
    write_whole(folder / run_folder.SAMPLES_TABLE, table.getvalue())
