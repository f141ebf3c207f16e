"""One optimizer step, and everything whose state it changes."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim.lr_scheduler import LRScheduler
from torch.optim.swa_utils import AveragedModel

from torchferry.training.config.recipe import StepConfig
from torchferry.training.data.collate import Batch
from torchferry.training.data.mix import Mix
from torchferry.training.models.normalized import Normalized
from torchferry.training.tasks.task import Targets, TrainingTask
from torchferry.training.trainer.divided_loss import DividedLoss
from torchferry.training.trainer.nonfinite_guard import NonFiniteGuard
from torchferry.training.trainer.unused_parameters import check_all_took_part

Part = tuple[torch.Tensor, Targets]
"""Inputs and targets of one forward pass."""


@dataclass(kw_only=True)
class Step:
    """Called with a feed's iterator, takes as many batches as are accumulated and moves the weights once."""

    config: StepConfig
    task: TrainingTask
    model: DistributedDataParallel
    loss: nn.Module
    optimizer: torch.optim.Optimizer
    scheduler: LRScheduler
    schedule_by_step: bool
    """Whether `scheduler` moves on with every step; the loop moves it after every epoch otherwise."""
    scaler: torch.amp.GradScaler
    ema: AveragedModel | None
    mix: Mix | None
    comm_state: object
    """What the communication hook keeps between steps, or None."""
    guard: NonFiniteGuard
    device: torch.device
    learning_rate: float = 0.0
    """Of the last step, in the first parameter group."""
    learning_rates: dict[str, float] = field(default_factory=dict)
    """The same by each group's name; empty without `optimizer.groups` and the like."""
    forward_seconds: float = 0.0
    """Of the last forward pass that was measured. Unlike a whole step it waits for no other rank, so it shows a
    straggler."""

    def __call__(
        self, batches: Iterator[Batch], epoch: int, *, measure: bool
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The mean loss, and the gradients' norm if it is needed or `measure` asks for it; both on the device."""
        groups = self.optimizer.param_groups
        self.learning_rate = groups[0]["lr"]  # before the scheduler moves it
        self.learning_rates = {group["name"]: group["lr"] for group in groups if "name" in group}
        if self.config.skip_nonfinite:
            self.guard.step_begins()
        total = torch.zeros((), device=self.device)
        parts: Iterator[Part] = (self._part(next(batches), epoch) for _ in range(self.config.accumulate))
        share: float | torch.Tensor = 1 / self.config.accumulate
        if self.divided_loss is not None:
            parts, share = self._divided(list(parts), self.divided_loss)
        for number, (inputs, targets) in enumerate(parts, 1):
            # Gradients are averaged over the ranks once, in the last part's backward pass.
            last = number == self.config.accumulate
            with nullcontext() if last else self.model.no_sync():
                loss = (self._loss(inputs, targets, measure) * share).sum()
                self.scaler.scale(loss).backward()
            if last:
                check_all_took_part(self.model, loss)
            total += loss.detach()
        return total, self._update(measure)

    @cached_property
    def divided_loss(self) -> DividedLoss | None:
        """The loss, if it is one; asked once, because a protocol's isinstance takes 30 microseconds."""
        return self.loss if isinstance(self.loss, DividedLoss) else None

    @property
    def trained(self) -> Normalized:
        """The network that is evaluated and saved: the moving average, if one is kept."""
        trained = self.ema.module if self.ema is not None else self.model.module
        assert isinstance(trained, Normalized)  # DDP and AveragedModel do not say what they hold
        return trained

    def _part(self, batch: Batch, epoch: int) -> Part:
        inputs, targets = batch.inputs, batch.targets
        if self.mix is not None:
            inputs, targets = self.mix(inputs, targets, epoch, batch.number)
        if self.config.channels_last and inputs.dim() == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        return inputs, targets

    def _divided(self, parts: list[Part], loss: DividedLoss) -> tuple[Iterator[Part], torch.Tensor]:
        """The parts again, and what a part's sum is multiplied by, so that the mean over the ranks of what each adds up
        is the sum over all samples by the divisor of all."""
        divisor = torch.stack([loss.divisor(targets).double() for _, targets in parts]).sum(dim=0)
        dist.all_reduce(divisor)
        # A step in which no sample counts has a loss of 0 and moves nothing, where torch's mean would be NaN.
        share = torch.where(divisor > 0, dist.get_world_size() / divisor, 0)
        return iter(parts), share.float()

    def _loss(self, inputs: torch.Tensor, targets: Targets, measure: bool) -> torch.Tensor:
        started = self._now(measure)
        with self._autocast():
            outputs = self.model(inputs)
            self.forward_seconds = self._now(measure) - started
            return self.loss(*self.task.for_loss(outputs, targets))

    def _now(self, measure: bool) -> float:
        """Seconds; where it is measured, after the device has done what it was given."""
        if measure and self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    def _autocast(self) -> AbstractContextManager:
        if self.config.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16 if self.config.precision == "bf16" else torch.float16)

    def _update(self, measure: bool) -> torch.Tensor | None:
        norm = None
        if measure or self.config.clip_norm or self.config.skip_nonfinite:
            # The norm and its limit are of the gradients without fp16's loss scale.
            self.scaler.unscale_(self.optimizer)
            parameters = list(self.model.parameters())
            norm = get_total_norm([parameter.grad for parameter in parameters if parameter.grad is not None])
            if self.config.clip_norm:
                clip_grads_with_norm_(parameters, self.config.clip_norm, norm)
        if norm is None or not self.config.skip_nonfinite or self.guard.allows(norm):
            self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        if self.schedule_by_step:
            self.scheduler.step()
        if self.ema is not None:
            self.ema.update_parameters(self.model.module)
        return norm

    def epoch_ended(self) -> None:
        if not self.schedule_by_step:
            self.scheduler.step()
