"""Every part of a run from its recipe, so that what does not fit is known before any rank waits for another."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.utils.data import IterableDataset

from training.checkpoint import Progress
from training.component import Component, build, one_line
from training.data import SOURCES
from training.data.feed import EvaluationFeed, Feed, open_feed
from training.data.mix import Mix
from training.data.order import GlobalBatches
from training.data.source import ImageInput, Source, TensorInput
from training.errors import UserError
from training.models.normalized import Normalized
from training.models.saved import build_model
from training.models.weights import load_weights
from training.optim import LOSSES, build_optimizer
from training.process_group import Place
from training.recipe import Recipe
from training.schedule import build_schedule
from training.state import seed_everything
from training.task import TASKS, Task


@dataclass(kw_only=True)
class Run:
    """The parts of a run, and where it stands."""

    recipe: Recipe
    place: Place
    source: Source
    order: GlobalBatches
    feed: Feed
    evaluation: EvaluationFeed
    task: Task
    outputs: int
    """How many numbers the network gives for a sample."""
    model: Normalized
    loss: nn.Module
    mix: Mix | None
    progress: Progress = field(default_factory=Progress)

    @property
    def total_steps(self) -> int:
        return min(self.recipe.epochs * len(self.order), self.recipe.max_steps or 2**62)

    @property
    def ended(self) -> bool:
        patience = self.recipe.early_stopping.patience
        return self.progress.step >= self.total_steps or (patience is not None and self.progress.stale >= patience)

    @property
    def epochs_begun(self) -> int:
        """As people count: the epoch that the last step belongs to."""
        return self.progress.epoch + (self.progress.batch > 0)

    @property
    def evaluation_due(self) -> bool:
        every = self.recipe.evaluate_every_epochs
        return self.ended or (every is not None and self.progress.batch == 0 and self.progress.epoch % every == 0)

    @property
    def report_due(self) -> bool:
        """Whether the step that comes next is to be reported."""
        step = self.progress.step + 1
        ends = self.progress.batch + 1 == len(self.order) or step == self.total_steps
        return ends or step % self.recipe.metrics.log_every == 0

    @property
    def steps_in_report(self) -> int:
        """How many steps the report after the step just taken is about."""
        step, every = self.progress.step, self.recipe.metrics.log_every
        return step - max((step - 1) // every * every, step - self.progress.batch)

    def is_best(self, score: float) -> bool:
        """Whether `score` is the best so far; remembers it, or that it was not."""
        best, gain = self.progress.best, self.recipe.early_stopping.min_gain
        better = score == score and (best is None or score > best + gain)
        self.progress.best = score if better else best
        self.progress.stale = 0 if better else self.progress.stale + 1
        return better


def build_run(recipe: Recipe, place: Place) -> Run:
    """Raises UserError for whatever of the recipe does not fit."""
    source = build(recipe.data.source, SOURCES, "data.source")
    task = TASKS[recipe.task]
    outputs = task.outputs(source)
    if source.test_size == 0:
        raise UserError("data.source: the test set is empty")
    order = GlobalBatches(
        source.train_size,
        recipe.data.batch_size,
        recipe.seed,
        place.rank,
        place.world_size,
        accumulate=recipe.step.accumulate,
        neighbour=bool(recipe.data.mixup or recipe.data.cutmix),
        order=_as_they_come(source) if isinstance(source.train, IterableDataset) else source.order,
    )
    if recipe.data.augment and not isinstance(source.input, ImageInput):
        raise UserError("data.augment: changes images, and this data.source has none")
    classes = None if recipe.task == "regression" else len(source.labels)
    seed_everything(recipe.seed)
    model = build_model(recipe.model, source.input)
    if recipe.weights is not None:
        load_weights(model.network, recipe.weights)
    loss = _loss(recipe, task)
    mix = Mix(recipe.data.mixup, recipe.data.cutmix, outputs, recipe.seed) if order.neighbour else None
    if recipe.distributed.sync_batchnorm and place.device.type != "cuda":
        raise UserError("distributed.sync_batchnorm: torch's SyncBatchNorm works on GPUs alone; set it to false")
    _check_fit(model, loss, source, task, outputs, place.world_size, soft=mix is not None)
    optimizer = build_optimizer(recipe.optimizer, model.parameters())
    run = Run(
        recipe=recipe,
        place=place,
        source=source,
        order=order,
        feed=open_feed(recipe.data, source, order, classes, place.device),
        evaluation=EvaluationFeed(source.test, recipe.data, classes, place.device),
        task=task,
        outputs=outputs,
        model=model,
        loss=loss,
        mix=mix,
    )
    build_schedule(recipe.schedule, optimizer, run.total_steps)  # to know early whether it can be built
    return run


def _as_they_come(source: Source) -> Callable[[int, int], np.ndarray]:
    return lambda _seed, _epoch: np.arange(source.train_size)


def _loss(recipe: Recipe, task: Task) -> nn.Module:
    component = recipe.loss or Component(name=task.default_loss)
    loss = build(component, LOSSES, "loss")
    if not isinstance(loss, nn.Module):
        raise UserError(f"loss.name: {component.name} gives a {type(loss).__name__}, not a torch.nn.Module")
    return loss


def _check_fit(
    model: Normalized, loss: nn.Module, source: Source, task: Task, outputs: int, world_size: int, *, soft: bool
) -> None:
    """Try model, loss and gradients on two blank samples. Raises UserError."""
    blank, targets = blank_batch(source, task, outputs, 2, soft=soft)
    shape = list(source.input.shape)
    try:
        given = model.eval()(blank)
    except Exception as error:  # whatever somebody's network raises
        raise UserError(f"model: does not take samples of shape {shape}: {one_line(error)}") from error
    if not isinstance(given, torch.Tensor) or tuple(given.shape) != (2, outputs):
        found = list(given.shape[1:]) if isinstance(given, torch.Tensor) else type(given).__name__
        each = "one output" if outputs == 1 else f"one output for each of {outputs} {task.outputs_are}"
        raise UserError(f"model: gives {found} per sample, not {each}; see its args")
    try:
        with warnings.catch_warnings(action="ignore"):  # the refusal says it in one line
            value = loss(*task.for_loss(given, targets))
    except Exception as error:
        raise UserError(f"loss: does not take what the model gives and {task.targets}: {one_line(error)}") from error
    if value.dim():
        raise UserError(f"loss: gives a tensor of shape {list(value.shape)}, not one number; reduce it to the mean")
    value.backward()
    idle = [
        name
        for name, parameter in model.network.named_parameters()
        if parameter.requires_grad and parameter.grad is None
    ]
    if idle and world_size > 1:
        raise UserError(
            f"model: {', '.join(idle[:3])} takes no part in the loss, so ranks would wait for it; remove it"
        )
    model.zero_grad()
    model.train()


def blank_batch(
    source: Source, task: Task, outputs: int, samples: int, *, soft: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples of zeros and their targets; `soft` ones are what mixing gives."""
    dtype = torch.uint8 if isinstance(source.input, ImageInput) else torch.float32
    if isinstance(source.input, TensorInput):
        dtype = getattr(torch, source.input.datatype)
    targets = torch.full((samples, outputs), 1 / outputs) if soft else task.blank_targets(samples, outputs)
    return torch.zeros(samples, *source.input.shape, dtype=dtype), targets
