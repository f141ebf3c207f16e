"""Every part of a run from its recipe, so that what does not fit is known before any rank waits for another."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from torch import nn
from torch.utils.data import IterableDataset

from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component, build
from torchferry.training.config.recipe import Recipe
from torchferry.training.data import SOURCES
from torchferry.training.data.loaders import EvaluationFeed, Feed, open_feed
from torchferry.training.data.mix import Mix
from torchferry.training.data.order import GlobalBatches
from torchferry.training.data.source import ImageInput, Source
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.models.frozen import freeze
from torchferry.training.models.normalized import Normalized
from torchferry.training.models.saved import build_model
from torchferry.training.models.weights import load_weights
from torchferry.training.progress import Progress
from torchferry.training.tasks import TASKS, Task
from torchferry.training.trainer.optim import LOSSES
from torchferry.training.trainer.preflight import try_step
from torchferry.training.trainer.train_state import seed_everything


@dataclass(kw_only=True)
class Run:
    """The parts of a run, and where it stands."""

    recipe: Recipe
    rank_info: RankInfo
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
        return min(self.recipe.epochs * len(self.order), self.recipe.max_steps or 2**62)  # 2**62: no limit

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
        every, progress = self.recipe.evaluate_every_epochs, self.progress
        epoch_ends = progress.batch == len(self.order) and every is not None and (progress.epoch + 1) % every == 0
        return (self.ended or epoch_ends) and progress.evaluated_step != progress.step

    @property
    def report_due(self) -> bool:
        """Whether the step that comes next is to be reported."""
        step = self.progress.step + 1
        ends = self.progress.batch + 1 == len(self.order) or step == self.total_steps
        return ends or step % self.recipe.metrics.log_every == 0

    def judge(self, score: float) -> bool:
        """An evaluation gave `score`: whether it is the best so far, which is remembered."""
        best, gain = self.progress.best, self.recipe.early_stopping.min_gain
        better = score == score and (best is None or score > best + gain)  # a NaN is never the best
        self.progress.evaluated_step = self.progress.step
        if better:
            self.progress.best, self.progress.best_step = score, self.progress.step
        self.progress.stale = 0 if better else self.progress.stale + 1
        return better


def build_run(recipe: Recipe, rank_info: RankInfo) -> Run:
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
        rank_info.rank,
        rank_info.world_size,
        accumulate=recipe.step.accumulate,
        neighbour=bool(recipe.data.mixup or recipe.data.cutmix),
        order=_as_they_come(source) if isinstance(source.train, IterableDataset) else source.order,
    )
    if recipe.data.augment and not isinstance(source.input, ImageInput):
        raise UserError("data.augment: changes images, and this data.source has none")
    classes = None if recipe.task == "regression" else len(source.labels)
    # The same seed on every rank, so that all begin with the same weights.
    seed_everything(recipe.seed)
    model = build_model(recipe.model, source.input)
    said = load_weights(model.network, recipe.weights) if recipe.weights is not None else ""
    if said and rank_info.leads:
        print(f"{recipe.name}: {said}", flush=True)
    freeze(model, recipe.freeze)
    loss = _loss(recipe, task)
    mix = Mix(recipe.data.mixup, recipe.data.cutmix, outputs, recipe.seed) if order.neighbour else None
    if recipe.distributed.sync_batchnorm and rank_info.device.type != "cuda":
        raise UserError("distributed.sync_batchnorm: torch's SyncBatchNorm works on GPUs alone; set it to false")
    run = Run(
        recipe=recipe,
        rank_info=rank_info,
        source=source,
        order=order,
        feed=open_feed(recipe.data, source, order, classes, rank_info.device),
        evaluation=EvaluationFeed(source.test, recipe.data, classes, rank_info.device),
        task=task,
        outputs=outputs,
        model=model,
        loss=loss,
        mix=mix,
    )
    try_step(recipe, source, task, model, loss, order.share, run.total_steps)
    return run


def _as_they_come(source: Source) -> Callable[[int, int], np.ndarray]:
    return lambda _seed, _epoch: np.arange(source.train_size)


def _loss(recipe: Recipe, task: Task) -> nn.Module:
    component = recipe.loss or Component(name=task.default_loss)
    loss = build(component, LOSSES, "loss")
    if not isinstance(loss, nn.Module):
        raise UserError(f"loss.name: {component.name} gives a {type(loss).__name__}, not a torch.nn.Module")
    if learned := [name for name, weight in loss.named_parameters() if weight.requires_grad]:
        raise UserError(f"loss: {learned[0]} would not be trained, because only the model is; make it a part of that")
    return loss
