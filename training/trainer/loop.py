"""The training loop. Everything it uses was built before it starts."""

import sys
import time
from dataclasses import dataclass, field

import torch

from torchferry.errors import UserError
from torchferry.training.checkpointing.async_saver import Saver
from torchferry.training.checkpointing.held_run import HeldRun
from torchferry.training.data.loaders import EvaluationFeed
from torchferry.training.distributed.process_group import from_the_leader, share_buffers
from torchferry.training.distributed.signals import Request, Requests, Stopped
from torchferry.training.errors import NotFinite, RunFailed
from torchferry.training.evaluation import Evaluation, evaluate, rows_of
from torchferry.training.tasks import half_of
from torchferry.training.telemetry.meter import Meter
from torchferry.training.telemetry.profiler import Profile
from torchferry.training.trainer.build import Run
from torchferry.training.trainer.check_result import check_result
from torchferry.training.trainer.finite_numbers import FiniteNumbers
from torchferry.training.trainer.first_epoch import FirstEpoch
from torchferry.training.trainer.train_state import collect
from torchferry.training.trainer.train_step import Step


@dataclass(kw_only=True)
class Loop:
    """Every rank has one, and all take the same turns."""

    run: Run
    step: Step
    saver: Saver
    requests: Requests
    meter: Meter
    profile: Profile
    numbers: FiniteNumbers
    holds: HeldRun
    first_epoch: FirstEpoch = field(init=False)
    told: set[str] = field(default_factory=set)
    """Lines on evaluations that were said already."""

    def __post_init__(self) -> None:
        self.first_epoch = FirstEpoch(self.run.task)

    def train(self) -> Evaluation:
        """From where the run stands to its end; returns the evaluation there.

        Raises Stopped after a signal, with everything saved, UserError for what only training shows, such as numbers
        that are no longer finite, and RunFailed on all ranks alike where one of them cannot save.
        """
        try:
            return self._epochs()
        except RunFailed:
            self.saver.wait()  # all ranks end here, so that the save in flight is finished, or cleared away, by all
            raise
        except NotFinite as error:
            self.saver.wait()  # the save in flight may be the last good one
            raise UserError(f"{error}; {self.saver.whole}") from None

    def _epochs(self) -> Evaluation:
        run, progress, result = self.run, self.run.progress, None
        # A run that was stopped in its last evaluation has all its steps and still owes that evaluation.
        while not run.ended or run.evaluation_due:
            self._steps()
            # Before the next epoch is said to have begun: a run that is stopped meanwhile begins here again.
            result = self._evaluate() if run.evaluation_due else None
            is_best = result is not None and run.judge(result.score)
            if progress.batch == len(run.order):
                # Before the save, so that a run which goes on from it begins the next epoch.
                progress.epoch, progress.batch = progress.epoch + 1, 0
                self.step.epoch_ended()
            if is_best or run.ended or self.saver.due(progress):
                self._save()
            self._handle(self.requests.exchange())
        self.saver.wait()
        # Once more, so that no rank calls the run finished while another's last save has failed.
        self._check_saver()
        self.requests.exchange()
        # None where the run was complete but for its results: no epoch was run here.
        return result or self.evaluation()

    def _steps(self) -> None:
        """To the end of the epoch, or of the run."""
        run, progress = self.run, self.run.progress
        began, batches = progress.batch, self.meter.watch(run.feed.epoch(progress.epoch, progress.batch))
        batches = self.first_epoch.watch(batches)
        while progress.batch < len(run.order) and not run.ended:
            started = time.perf_counter()
            report_due = run.report_due
            loss, norm = self.step(batches, progress.epoch, measure=report_due)
            progress.step, progress.batch = progress.step + 1, progress.batch + 1
            self.meter.stepped(progress.step, loss, time.perf_counter() - started)
            if report_due:
                self._report(norm)
            self.profile.stepped(progress.step)
            if self.saver.due(progress):
                self._save()
            self._handle_requests()
        if began == 0 and progress.batch == len(run.order):
            self.first_epoch.ended()

    def _evaluate(self) -> Evaluation:
        result = self.evaluation()
        self.meter.telemetry.evaluated(epoch=self.run.epochs_begun, step=self.run.progress.step, result=result)
        return result

    def test(self) -> Evaluation:
        """On the test set, where evaluations so far were on a validation part; all is saved by now."""
        result = self._evaluated(self.run.test, saved=True)
        self.meter.telemetry.evaluated(epoch=self.run.epochs_begun, step=self.run.progress.step, result=result)
        return result

    def settle(self) -> None:
        """What the task leaves to the validation split, once training is over; all is saved by now."""
        run, trained = self.run, self.step.trained
        if run.task.task.unsettled is None:
            return
        share_buffers(trained)
        rows = rows_of(trained, run.evaluation, run.task, run.rank_info, self._leave_if_asked)
        run.task = half_of(run.task.task.settled(rows))

    def evaluation(self, *, saved: bool = False) -> Evaluation:
        """Of the weights as they are; signals are handled meanwhile. `saved`: all is, so a signal saves nothing."""
        return self._evaluated(self.run.evaluation, saved=saved)

    def _evaluated(self, feed: EvaluationFeed, *, saved: bool) -> Evaluation:
        run, trained = self.run, self.step.trained
        share_buffers(trained)
        self.meter.telemetry.evaluating()
        after_batch = self._leave_if_asked if saved else self._handle_requests
        self.requests.ask_soon()  # a batch of an evaluation may take as long as a hundred steps
        result = evaluate(trained, feed, run.task, run.rank_info, after_batch)
        line = check_result(result, run.recipe, run.progress.step)
        if line and line not in self.told and run.rank_info.leads:
            print(f"torchferry: {line}", file=sys.stderr, flush=True)
        self.told |= {line} if line else set()
        return result

    def _report(self, norm: torch.Tensor | None) -> None:
        run, step = self.run, self.run.progress.step
        total, _, longest = self.step.guard.skipped.tolist()  # waits for the device, so only in a report
        patience = run.recipe.step.skip_nonfinite
        if patience and longest >= patience:
            raise NotFinite(f"the gradients were not finite for {longest} steps in a row before step {step}")
        self.meter.report(
            epoch=run.epochs_begun,
            step=step,
            learning_rate=self.step.learning_rate,
            learning_rates=self.step.learning_rates,
            norm=norm,
            forward=self.step.forward_seconds,
            skipped=total,
        )

    def _save(self) -> None:
        state = collect(self.step, self.run.rank_info, self.meter.losses)
        self.numbers.check(state, self.run.progress.step)
        from_the_leader(self.run.rank_info, self.holds.check)
        self.saver.save(state, self.run.progress)

    def _check_saver(self) -> None:
        if (taken := self.holds.lost) is not None:
            print(f"torchferry: {taken}", file=sys.stderr, flush=True)
            self.requests.fail()
        if self.saver.failures and self.run.recipe.checkpoint.on_save_error == "stop":
            self.requests.fail()

    def _leave_if_asked(self) -> None:
        if stop := self.requests.agreed().stop:
            raise Stopped(stop)

    def _handle_requests(self) -> None:
        self._handle(self.requests.agreed())

    def _handle(self, request: Request) -> None:
        if request.save or request.stop:
            self._save()
        self._check_saver()
        if request.stop:
            # The exit code promises a save, so it has to be on the disk first.
            self.saver.wait()
            raise RunFailed if self.saver.error else Stopped(request.stop)
