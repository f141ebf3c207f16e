"""Every part of a run from its recipe, so that what does not fit is known before any rank waits for another."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset, IterableDataset

from torchferry.contract.tasks.find import kind_of
from torchferry.errors import UserError
from torchferry.training.checkpointing.fingerprint import adopt
from torchferry.training.checkpointing.record import Record
from torchferry.training.config.recipe import Recipe
from torchferry.training.data.buckets import by_length
from torchferry.training.data.build_source import build_source
from torchferry.training.data.held_apart import fold_part, validation_part
from torchferry.training.data.held_targets import check_held
from torchferry.training.data.loaders import EvaluationFeed, Feed, open_feed
from torchferry.training.data.mix import Mix
from torchferry.training.data.order import GlobalBatches
from torchferry.training.data.sampling import sampling_order
from torchferry.training.data.source import ImageInput, Source, pad_of
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.models.frozen import freeze
from torchferry.training.models.normalized import Normalized
from torchferry.training.models.saved import build_model
from torchferry.training.models.torchvision_preset import unlike_published
from torchferry.training.models.weights import load_weights
from torchferry.training.progress import Progress
from torchferry.training.tasks import half_class, task_for
from torchferry.training.tasks.task import TrainingTask
from torchferry.training.trainer.losses import build_loss
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
    """For the evaluations that decide what is best: of the validation part, if there is one."""
    test: EvaluationFeed
    task: TrainingTask
    model: Normalized
    loss: nn.Module
    mix: Mix | None
    fits: bool
    """Whether anything of its input is computed from samples."""
    known: Record | None
    """Of the run that goes on; what was fitted when it began is that of the source."""
    adopted: bool
    """Whether it would be fitted otherwise today."""
    progress: Progress = field(default_factory=Progress)

    @property
    def total_steps(self) -> int:
        """Optimizer steps in the whole run; epochs that are over may have had another number than those to come."""
        progress = self.progress
        to_come = (self.recipe.epochs - progress.epoch) * len(self.order)
        return min(progress.step - progress.batch + to_come, self.recipe.max_steps or 2**62)  # 2**62: no limit

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


def build_run(recipe: Recipe, rank_info: RankInfo, known: Record | None = None) -> Run:
    """`known` is of the run that goes on, if there is one. Raises UserError for whatever of the
    recipe does not fit."""
    asked = recipe.task_component
    found = build_source(recipe.data.source, half_class(kind_of(asked.name)).targets)
    whole = found if known is None else adopt(found, known.fingerprint, known.where)
    source, validation = divided(recipe, whole)
    task = task_for(asked.name, asked.args, source)
    if (setting := task.task.unsettled) and validation is None:
        raise UserError(f"task.args.{setting}: is left to the validation split; give data.validation_fraction 0.1")
    _check_listed(source, recipe, rank_info)
    if source.test_size == 0:
        raise UserError("data.source: the test set is empty")
    order = _batches(recipe, source, rank_info)
    if recipe.data.augment and not isinstance(source.input, ImageInput):
        raise UserError("data.augment: changes images, and this data.source has none")
    # The same seed on every rank, so that all begin with the same weights.
    seed_everything(recipe.seed)
    model = build_model(recipe.model, source.input, source.target_scale)
    if recipe.weights is not None:
        said = load_weights(model.network, recipe.weights), unlike_published(recipe.weights.source, source.input)
        for line in filter(None, said if rank_info.leads else ()):
            print(f"{recipe.name}: {line}", flush=True)
    freeze(model, recipe.freeze)
    loss = build_loss(recipe.loss, task)
    mix = Mix(recipe.data.mixup, recipe.data.cutmix, task.loss_width, recipe.seed) if order.neighbour else None
    if recipe.distributed.sync_batchnorm and rank_info.device.type != "cuda":
        raise UserError("distributed.sync_batchnorm: torch's SyncBatchNorm works on GPUs alone; set it to false")
    evaluation, test = _evaluations(recipe, source, validation, task, rank_info.device)
    for split, samples in (("training", source.train), ("validation", validation), ("test", source.test)):
        if samples is not None:
            check_held(samples, split, task)
    run = Run(
        recipe=recipe,
        rank_info=rank_info,
        source=source,
        fits=whole.refit is not None,
        known=known,
        adopted=whole is not found,
        order=order,
        feed=open_feed(recipe.data, source, order, task, rank_info.device),
        evaluation=evaluation,
        test=test,
        task=task,
        model=model,
        loss=loss,
        mix=mix,
    )
    try_step(recipe, source, task, model, loss, order.share, run.total_steps)
    return run


def divided(recipe: Recipe, whole: Source) -> tuple[Source, Dataset | None]:
    """What the recipe trains and tests on, and its validation part. Raises UserError."""
    source = fold_part(whole, recipe.fold) if recipe.fold is not None else whole
    if not recipe.data.validation_fraction:
        return source, None
    return validation_part(source, recipe.data.validation_fraction)


def _check_listed(source: Source, recipe: Recipe, rank_info: RankInfo) -> None:
    """Raises UserError for what the source could not even list, unless such samples are skipped and said."""
    if source.damaged and recipe.data.on_corrupt == "error":
        raise UserError(f"{source.damaged[0]}; data.on_corrupt skip goes on without what is missing")
    for line in source.damaged if rank_info.leads else ():
        print(f"{recipe.name}: {line}", flush=True)


def _batches(recipe: Recipe, source: Source, rank_info: RankInfo) -> GlobalBatches:
    return GlobalBatches(
        source.train_size,
        recipe.data.batch_size,
        recipe.seed,
        rank_info.rank,
        rank_info.world_size,
        accumulate=recipe.step.accumulate,
        neighbour=bool(recipe.data.mixup or recipe.data.cutmix),
        order=_order(recipe, source),
    )


def _order(recipe: Recipe, source: Source) -> Callable[[int, int], np.ndarray] | None:
    if isinstance(source.train, IterableDataset):  # as they come
        if recipe.data.sampling != "uniform":
            raise UserError("data.sampling: a stream comes in its own order; use uniform")
        if recipe.data.buckets:
            raise UserError("data.buckets: a stream comes in its own order; set it to false")
        return lambda _seed, _epoch: np.arange(source.train_size)
    order = sampling_order(source, recipe.data.sampling) or source.order
    return by_length(source, order, recipe.data) if recipe.data.buckets else order


def _evaluations(
    recipe: Recipe, source: Source, validation: Dataset | None, task: TrainingTask, device: torch.device
) -> tuple[EvaluationFeed, EvaluationFeed]:
    """Of the validation part, or else of the test set, and of the test set."""
    pad = pad_of(source.input)
    test = EvaluationFeed(source.test, recipe.data, task, device, pad=pad)
    if validation is None:
        return test, test
    return EvaluationFeed(validation, recipe.data, task, device, split="validation", pad=pad), test
