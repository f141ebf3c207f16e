"""A run from its resolved recipe to its complete folder: build, train, leave the results."""

import os
import random
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from prometheus_client import CollectorRegistry

from training.component import build, one_line
from training.config import Recipe, to_yaml
from training.data import SOURCES
from training.data.order import GlobalBatches
from training.data.source import Source
from training.errors import UserError
from training.evaluate import Evaluation
from training.files import write_whole
from training.loop import Run, train
from training.models.normalized import Normalized
from training.models.saved import ModelCard, build_model, save_model
from training.optim import LOSSES, build_optimizer
from training.process_group import Place, on_the_leader, place_of, process_group
from training.telemetry import Silent, Telemetry, TrainMetrics, Voice


def run(recipe: Recipe) -> None:
    """Train as `recipe` says and fill its run folder.

    Raises UserError: for the recipe before anything is written, later for a loss that is no longer a number.
    """
    started = time.perf_counter()
    place = place_of(os.environ)
    folder = recipe.run_dir
    if place.leads and folder.exists():
        raise UserError(f"{folder}: exists already and is left as it is; give another --name, or move it away")
    parts = build_run(recipe, place)
    with process_group(place):
        silent: Telemetry = Silent()
        telemetry = on_the_leader(place, lambda: _open(parts, folder), silent)
        try:
            result = train(parts, folder / "checkpoints", telemetry)
        finally:
            telemetry.close()
        if place.leads:
            _leave_results(parts, folder, result)
            print(
                f"{recipe.name}: test accuracy {result.accuracy:.2%} on {result.samples} samples "
                f"after {recipe.epochs} epochs, {time.perf_counter() - started:.1f} s; in {folder}",
                flush=True,
            )


def build_run(recipe: Recipe, place: Place) -> Run:
    """Build every part, so that what does not fit is known before any rank waits for another."""
    source = build(recipe.data.source, SOURCES, "data.source")
    order = GlobalBatches(
        source.train_size, recipe.data.batch_size, recipe.seed, rank=place.rank, world_size=place.world_size
    )
    _seed(recipe.seed)
    model = build_model(recipe.model, source.input)
    loss = build(recipe.loss, LOSSES, "loss")
    _check_fit(model, loss, source, place.world_size)
    model.to(place.device)
    # After the same initial weights everywhere, dropout differs between the ranks.
    _seed(recipe.seed + place.rank)
    return Run(
        recipe=recipe,
        place=place,
        source=source,
        order=order,
        model=model,
        loss=loss.to(place.device),
        optimizer=build_optimizer(recipe.optimizer, model.parameters()),
    )


def _open(parts: Run, folder: Path) -> Telemetry:
    """Start the metrics endpoint, then make the run folder; say where both are."""
    recipe = parts.recipe
    metrics = TrainMetrics(recipe.metrics, recipe.name, parts.place.world_size, CollectorRegistry())
    try:
        folder.mkdir(parents=True)
        write_whole(folder / "config.yaml", to_yaml(recipe))
    except OSError as error:
        raise UserError(f"runs_dir: cannot write {folder} ({error.strerror}); give another with --runs_dir") from error
    print(
        f"{recipe.name}: {parts.place.world_size} x {parts.place.device.type}, {parts.source.train_size} training "
        f"and {parts.source.test_size} test samples, {recipe.epochs} epochs of {len(parts.order)} steps"
        + (f"; metrics on {metrics.url}" if metrics.url else ""),
        flush=True,
    )
    return Voice(folder, metrics, parts.total_steps, recipe.epochs)


def _leave_results(parts: Run, folder: Path, result: Evaluation) -> None:
    # Imported here, because matplotlib takes a second that no other rank needs to spend.
    from training.pictures import draw_confusion, draw_curves, draw_predictions

    source, recipe = parts.source, parts.recipe
    draw_curves(folder)
    draw_confusion(folder, result, source.labels)
    draw_predictions(folder, parts.model, source.test, result, source.labels, parts.place.device)
    card = ModelCard(
        name=recipe.name,
        task="classification",
        network=recipe.model,
        input=source.input,
        labels=source.labels,
        data=recipe.data.source,
        accuracy=result.accuracy,
        torch=str(torch.__version__),
    )
    save_model(folder / "model", parts.model, card)


def _check_fit(model: Normalized, loss: torch.nn.Module, source: Source, world_size: int) -> None:
    """Try model, loss and gradients on two blank images. Raises UserError."""
    shape, classes = source.input.shape, len(source.labels)
    try:
        logits = model.eval()(torch.zeros(2, *shape, dtype=torch.uint8))
    except Exception as error:  # whatever somebody's network raises
        raise UserError(f"model: does not take images of shape {shape}: {one_line(error)}") from error
    if not isinstance(logits, torch.Tensor) or tuple(logits.shape) != (2, classes):
        given = list(logits.shape[1:]) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise UserError(f"model: gives {given} per sample, not one output for each of {classes} classes; see its args")
    try:
        with warnings.catch_warnings(action="ignore"):  # the refusal says it in one line
            value = loss(logits, torch.zeros(2, dtype=torch.int64))
    except Exception as error:
        raise UserError(f"loss: does not take logits and classes: {one_line(error)}") from error
    if value.dim():
        raise UserError(f"loss: gives a tensor of shape {list(value.shape)}, not one number; reduce it to the mean")
    value.backward()
    idle = [name for name, parameter in model.network.named_parameters() if parameter.grad is None]
    if idle and world_size > 1:
        raise UserError(
            f"model: {', '.join(idle[:3])} takes no part in the loss, so ranks would wait for it; remove it"
        )
    model.zero_grad()
    model.train()


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
