"""The training loop. Everything it uses was built before it starts."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from training import checkpoint
from training.config import Recipe
from training.data.order import GlobalBatches
from training.data.source import Source
from training.errors import UserError
from training.evaluate import Evaluation, evaluate
from training.models.normalized import Normalized
from training.optim import learning_rate_factor
from training.process_group import Place, share_buffers
from training.telemetry import Telemetry


@dataclass(kw_only=True)
class Run:
    """The parts of a run, built from its recipe."""

    recipe: Recipe
    place: Place
    source: Source
    order: GlobalBatches
    model: Normalized
    loss: nn.Module
    optimizer: torch.optim.Optimizer

    @property
    def total_steps(self) -> int:
        return self.recipe.epochs * len(self.order)


def train(run: Run, folder: Path, telemetry: Telemetry) -> Evaluation:
    """Train to the end of the last epoch; returns the evaluation after it. Every rank calls it."""
    model = DistributedDataParallel(run.model, gradient_as_bucket_view=True)
    batches = DataLoader(run.source.train, batch_sampler=run.order, num_workers=run.recipe.data.workers)
    step, best = 0, -1.0
    for epoch in range(run.recipe.epochs):
        run.order.set_epoch(epoch)
        step = _epoch(run, model, batches, epoch, step, telemetry)
        share_buffers(run.model)
        result = evaluate(run.model, run.source.test, len(run.source.labels), run.place)
        telemetry.evaluated(epoch=epoch + 1, step=step, result=result)
        is_best, best = result.accuracy > best, max(best, result.accuracy)
        if is_best or (epoch + 1) % run.recipe.checkpoint.every_epochs == 0 or epoch + 1 == run.recipe.epochs:
            progress = checkpoint.Progress(epoch=epoch + 1, step=step, best_accuracy=best)
            started = time.perf_counter()
            checkpoint.save(folder, model, run.optimizer, progress, keep=run.recipe.checkpoint.keep, best=is_best)
            telemetry.saved(seconds=time.perf_counter() - started)
    return result


def _epoch(run: Run, model: nn.Module, batches: DataLoader, epoch: int, step: int, telemetry: Telemetry) -> int:
    """One pass over the data from optimizer step `step`; returns the step it ended at."""
    # The sum stays on the device: reading it there would make the host wait for every step.
    loss_sum, unreported = torch.zeros((), device=run.place.device), 0
    asked = time.perf_counter()
    for images, truth in batches:
        got = time.perf_counter()
        factor = learning_rate_factor(run.recipe.schedule, step, run.total_steps)
        loss_sum += _train_step(run, model, images, truth, factor)
        step, unreported = step + 1, unreported + 1
        if step % run.recipe.metrics.log_every == 0 or step % len(run.order) == 0:
            rate = run.optimizer.param_groups[0]["lr"]
            telemetry.train(epoch=epoch + 1, step=step, loss=_mean(loss_sum, unreported, run), learning_rate=rate)
            loss_sum.zero_()
            unreported = 0
        now = time.perf_counter()
        telemetry.step(samples=run.order.batch_size, seconds=now - asked, waited=got - asked)
        asked = now
    return step


def _mean(loss_sum: torch.Tensor, steps: int, run: Run) -> float:
    """Over the steps and all ranks; stops a run that has left the numbers, on every rank alike."""
    dist.all_reduce(loss_sum)
    mean = loss_sum.item() / (steps * run.place.world_size)
    if not math.isfinite(mean):
        raise UserError(f"the training loss is {mean}; a smaller optimizer.args.lr or a longer warm-up may help")
    return mean


def _train_step(
    run: Run, model: nn.Module, images: torch.Tensor, truth: torch.Tensor, learning_rate_factor: float
) -> torch.Tensor:
    for group in run.optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * learning_rate_factor
    loss = run.loss(model(images.to(run.place.device)), truth.to(run.place.device))
    run.optimizer.zero_grad()
    loss.backward()
    run.optimizer.step()
    return loss.detach()
