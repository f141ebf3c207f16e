"""The results of a finished run beside its checkpoints: `model/`, the pictures and confusion.csv."""

import csv
import io
from pathlib import Path

import numpy as np
import torch

from torchferry import run_folder
from torchferry.contract.tasks.metric_text import metric_text
from torchferry.files import write_whole
from torchferry.training.data.recorded import with_defaults
from torchferry.training.data.source import ImageInput
from torchferry.training.evaluation import Evaluation
from torchferry.training.models.normalized import Normalized
from torchferry.training.models.saved import ModelCard, save_model
from torchferry.training.trainer.build import Run


def leave_results(run: Run, trained: Normalized, result: Evaluation) -> None:
    """Draw the pictures, then write `model/`, which says that the run is finished."""
    # Imported here, because matplotlib takes a second that no other rank needs to spend.
    from torchferry.training.outputs.plots import draw_confusion, draw_curves, draw_points, draw_predictions

    source, recipe, folder = run.source, run.recipe, run.recipe.run_dir
    task = run.task.task
    draw_curves(folder, task.headline)
    if (confusion := task.confusion(result.sums)) is not None:
        draw_confusion(folder, confusion, source.labels)
        _write_confusion(folder / run_folder.CONFUSION_TABLE, confusion, source.labels)
    if isinstance(source.input, ImageInput):
        device, mode = run.rank_info.device, source.input.mode
        draw_predictions(folder, trained, source.test, result, run.task, device, mode)
    elif result.points is not None:
        title = f"{task.headline} {metric_text(task.headline, result.score)} on {result.samples} test samples"
        draw_points(folder, title, *result.points, source.labels)
    card = ModelCard(
        name=recipe.name,
        task=task,
        network=recipe.model,
        input=source.input,
        data=with_defaults(recipe.data.source),
        result=result.values,
        step=run.progress.step,
        fold=recipe.fold,
        gate={name: limit for name, limit in vars(recipe.gate).items() if limit is not None},
        torch=str(torch.__version__),
    )
    save_model(folder / run_folder.MODEL, trained, card)


def _write_confusion(path: Path, counts: np.ndarray, labels: tuple[str, ...]) -> None:
    """A line for each true label and a column for each predicted one, with their names before them."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["true", *labels])
    lines.writerows([label, *row] for label, row in zip(labels, counts.tolist(), strict=True))
    write_whole(path, text.getvalue())
