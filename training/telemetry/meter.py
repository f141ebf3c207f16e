"""Counts and times on this rank since the last report, and the report that puts all ranks together."""

import math
import sys
import time
from collections.abc import Iterator, Mapping

import torch
import torch.distributed as dist

from torchferry.training.data.collate import Batch
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.errors import NotFinite
from torchferry.training.telemetry.report import Report
from torchferry.training.telemetry.reporters import Reporter
from torchferry.training.telemetry.sample_log import SampleLog


class Meter:
    """Watches batches go by and steps being taken. The losses stay on the device until a report is due, so that
    the host waits for no step."""

    def __init__(
        self,
        rank_info: RankInfo,
        batch_size: int,
        losses: torch.Tensor,
        telemetry: Reporter,
        samples: SampleLog,
        *,
        guarded: bool,
    ) -> None:
        """`losses`, float64 [2], sum up the steps since the last report and count them; part of a checkpoint.

        With `guarded`, a loss that is no number is left out, because its step was.
        """
        self.rank_info, self.batch_size, self.telemetry, self.samples = rank_info, batch_size, telemetry, samples
        self.losses, self.guarded = losses, guarded
        self.loss, self.counted = losses.unbind()  # views: what is added to them is in the checkpoint's tensor
        self.steps, self.seconds, self.waited, self.corrupt = 0, 0.0, 0.0, 0
        self._waited_in_step = 0.0

    def watch(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches, timed, logged, and asked for what could not be read."""
        while True:
            asked = time.perf_counter()
            batch = next(batches, None)
            self._waited_in_step += time.perf_counter() - asked
            if batch is None:
                return
            self.samples.add(batch.indices)
            for reason in batch.corrupt:
                self.corrupt += 1
                print(f"torchferry: {reason}; skipped", file=sys.stderr, flush=True)
            yield batch

    def stepped(self, step: int, loss: torch.Tensor, seconds: float) -> None:
        if self.guarded:
            finite = loss.isfinite()
            self.loss += torch.where(finite, loss, 0)  # not loss * finite: NaN times 0 is NaN
            self.counted += finite
        else:
            self.loss += loss
            self.counted += 1
        self.samples.flush(step)
        self.telemetry.step(samples=self.batch_size, seconds=seconds, waited=self._waited_in_step)
        self.steps += 1
        self.seconds += seconds
        self.waited += self._waited_in_step
        self._waited_in_step = 0.0

    def report(
        self,
        *,
        epoch: int,
        step: int,
        learning_rate: float,
        learning_rates: Mapping[str, float] | None = None,
        norm: torch.Tensor | None,
        forward: float,
        skipped: int,
    ) -> None:
        """Tell what the steps since the last report gave, on average over all ranks; every rank calls it.

        `forward` is how many seconds this rank's last forward pass took. Raises UserError, on every rank alike,
        for a loss that is no longer a number.
        """
        measured = max(1, self.steps)
        ranks = self._of_all_ranks([self.seconds / measured, self.waited, self.seconds, forward, self.corrupt])
        counted = sum(rank[1] for rank in ranks)
        mean = sum(rank[0] for rank in ranks) / counted if counted else math.nan
        if not math.isfinite(mean):
            raise NotFinite.of_loss(mean, step)
        self.telemetry.report(
            Report(
                epoch=epoch,
                step=step,
                loss=mean,
                learning_rate=learning_rate,
                learning_rates=dict(learning_rates or {}),
                gradient_norm=norm.item() if norm is not None else math.nan,
                samples_per_second=self.batch_size * measured / max(self.seconds, 1e-9),
                step_seconds=[rank[2] for rank in ranks],
                data_wait_ratio=[rank[3] / max(rank[4], 1e-9) for rank in ranks],
                forward_seconds=[rank[5] for rank in ranks],
                corrupt=int(sum(rank[6] for rank in ranks)),
                skipped=skipped,
            )
        )
        self.losses.zero_()
        self.steps, self.seconds, self.waited, self.corrupt = 0, 0.0, 0.0, 0

    def _of_all_ranks(self, figures: list[float]) -> list[list[float]]:
        """The sums of losses and these, of each rank. Waits for the device."""
        if self.rank_info.world_size == 1:
            return [[*self.losses.tolist(), *figures]]
        # All in one tensor, so that a report is one collective.
        mine = torch.cat([self.losses, torch.tensor(figures, dtype=self.losses.dtype, device=self.losses.device)])
        everyone = mine.new_empty(self.rank_info.world_size, len(mine))
        dist.all_gather(list(everyone.unbind()), mine)
        return everyone.tolist()
