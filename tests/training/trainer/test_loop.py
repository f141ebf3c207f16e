"""The loop steps, evaluates, reports and saves when each is due, and heeds what the ranks agreed on."""

import math
import signal
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import TensorDataset

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.async_saver import Saver
from torchferry.training.checkpointing.held_run import HeldRun
from torchferry.training.checkpointing.run_lock import RunLock
from torchferry.training.config.recipe import (
    CheckpointConfig,
    EarlyStoppingConfig,
    MetricsConfig,
    OptimizerConfig,
    StepConfig,
)
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.distributed.signals import NOTHING, Request, Requests, Stopped
from torchferry.training.errors import RunFailed
from torchferry.training.progress import Progress
from torchferry.training.telemetry.meter import Meter
from torchferry.training.telemetry.profiler import Profile
from torchferry.training.telemetry.report import Report
from torchferry.training.telemetry.reporters import NullReporter
from torchferry.training.telemetry.sample_log import NoSampleLog
from torchferry.training.trainer.finite_numbers import FiniteNumbers
from torchferry.training.trainer.loop import Loop
from torchferry.training.trainer.wrap_ddp import assemble

STOP = Request(save=False, stop=signal.SIGTERM)
SAVE = Request(save=True, stop=0)


class Heard(NullReporter):
    """What the loop tells, and asks its saver and its fellows for, in order."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def report(self, report: Report) -> None:
        self.words.append(f"report {report.step}")

    def evaluated(self, **said: Any) -> None:
        self.words.append(f"evaluated {said['epoch']} {said['step']}")


class Noted(Saver):
    """Due as a Saver is; writes nothing, and fails if it is told to."""

    def __init__(self, config: CheckpointConfig, heard: Heard, fails: bool) -> None:
        self.config, self.heard, self.fails = config, heard, fails
        self.error, self.failures = None, 0

    def save(self, state: dict[str, Any], progress: Progress) -> None:
        assert "model" in state
        self.heard.words.append(f"saved {progress.step}")
        if self.fails:
            self.error, self.failures = "the disk is full", self.failures + 1

    def wait(self) -> None:
        self.heard.words.append("waited")


class Asked(Requests):
    """Is asked for the next of `requests` each time, then for nothing."""

    def __init__(self, requests: Iterable[Request]) -> None:
        self.requests, self.failed, self.stride = iter(requests), False, 1

    def agreed(self) -> Request:
        return self.exchange()

    def exchange(self) -> Request:
        if self.failed:
            raise RunFailed
        return next(self.requests, NOTHING)


Made = Callable[..., tuple[Loop, list[str]]]


@pytest.fixture
def made(alone: RankInfo, tmp_path: Path) -> Made:
    """A loop over 2 epochs of 2 steps each, and what is heard of it."""

    def make(*requests: Request, fails: bool = False, **changes: Any) -> tuple[Loop, list[str]]:
        parts = tiny.build(rank_info=alone, **{"epochs": 2, "runs_dir": tmp_path, **changes})
        heard, sums = Heard(), torch.zeros(2, dtype=torch.float64)
        step = assemble(parts)
        loop = Loop(
            run=parts,
            step=step,
            saver=Noted(parts.recipe.checkpoint, heard, fails),
            requests=Asked(requests),
            meter=Meter(alone, parts.order.batch_size, sums, heard, NoSampleLog(), guarded=False),
            profile=Profile(parts.recipe.profile, tmp_path, 0, 0),
            numbers=FiniteNumbers(step, alone, 0),
            holds=HeldRun(),
        )
        return loop, heard.words

    return make


def test_each_turn_comes_when_it_is_due(made: Made) -> None:
    loop, words = made(
        checkpoint=CheckpointConfig(every_steps=3, every_epochs=None), metrics=MetricsConfig(log_every=1)
    )
    result = loop.train()
    assert " ".join(words) == (
        "report 1 report 2 evaluated 1 2 saved 2 report 3 saved 3 report 4 evaluated 2 4 saved 4 waited"
    )
    assert (loop.run.progress.epoch, loop.run.progress.batch, loop.run.progress.step) == (2, 0, 4)
    assert result.values["accuracy"] == loop.run.progress.best


def test_it_goes_on_in_the_middle_of_an_epoch(made: Made) -> None:
    loop, words = made()
    loop.run.progress = replace(loop.run.progress, epoch=1, batch=1, step=3, evaluated_step=2, best=2.0, best_step=2)
    loop.train()
    assert words == ["report 4", "evaluated 2 4", "saved 4", "waited"]


def test_a_run_that_has_ended_is_evaluated_and_nothing_else(made: Made) -> None:
    loop, words = made()
    loop.run.progress = replace(loop.run.progress, epoch=2, step=4, evaluated_step=4)
    assert loop.train().samples == 6
    assert words == ["waited"]


def test_a_stop_saves_waits_for_it_and_says_which_signal(made: Made) -> None:
    loop, words = made(NOTHING, STOP, metrics=MetricsConfig(log_every=9))
    with pytest.raises(Stopped, match="SIGTERM") as stopped:
        loop.train()
    assert stopped.value.number == signal.SIGTERM
    assert words == ["report 2", "saved 2", "waited"]
    assert (loop.run.progress.epoch, loop.run.progress.batch) == (0, 2)


def test_a_wish_to_save_is_granted_and_training_goes_on(made: Made) -> None:
    loop, words = made(SAVE, checkpoint=CheckpointConfig(every_epochs=9), evaluate_every_epochs=None)
    loop.train()
    assert words == ["saved 1", "report 2", "report 4", "evaluated 2 4", "saved 4", "waited"]


def test_a_stop_while_what_is_saved_is_evaluated_saves_nothing(made: Made) -> None:
    loop, words = made(STOP)
    with pytest.raises(Stopped):
        loop.evaluation(saved=True)
    assert not words


def test_a_save_that_fails_ends_the_run_for_all_ranks(made: Made) -> None:
    loop, words = made(fails=True, checkpoint=CheckpointConfig(every_steps=1))
    with pytest.raises(RunFailed):
        loop.train()
    # They all learn of it when they next exchange wishes, and wait for what is being written.
    assert words == ["saved 1", "report 2", "saved 2", "waited"]


def test_a_save_that_fails_is_no_end_if_the_recipe_says(made: Made) -> None:
    loop, words = made(fails=True, checkpoint=CheckpointConfig(on_save_error="continue"))
    loop.train()
    assert words[-2:] == ["saved 4", "waited"]


def test_a_stop_whose_save_fails_ends_with_1_so_that_nobody_takes_it_for_saved(made: Made) -> None:
    loop, _ = made(STOP, fails=True, checkpoint=CheckpointConfig(on_save_error="continue"))
    with pytest.raises(RunFailed):
        loop.train()


def test_evaluations_that_gain_nothing_end_the_run(made: Made) -> None:
    still = OptimizerConfig(name="SGD", args={"lr": 0.0})
    loop, words = made(epochs=9, early_stopping=EarlyStoppingConfig(patience=2), optimizer=still)
    loop.train()
    assert [word for word in words if word.startswith("evaluated")] == [
        "evaluated 1 2",
        "evaluated 2 4",
        "evaluated 3 6",
    ]
    assert loop.run.progress.best_step == 2


@pytest.mark.parametrize(("longest", "ends"), [(2, False), (3, True)])
def test_too_many_steps_left_out_in_a_row_end_the_run(longest: int, ends: bool, made: Made) -> None:
    loop, words = made(step=StepConfig(skip_nonfinite=3))
    loop.step.guard.skipped[2] = longest
    if not ends:
        loop.train()
        return
    with pytest.raises(
        UserError,
        match=r"^the gradients were not finite for 3 steps in a row before step 2; there is no",
    ):
        loop.train()
    assert words == ["waited"]


def test_weights_that_are_not_finite_are_not_saved_and_the_checkpoint_before_is_named(made: Made) -> None:
    loop, words = made(checkpoint=CheckpointConfig(every_steps=1), metrics=MetricsConfig(log_every=9))

    stepped = loop.meter.stepped

    def diverge(step: int, *given: Any) -> None:
        stepped(step, *given)
        if step == 3:
            loop.step.model.module.network.weight.data[0, 0] = math.nan

    loop.saver.newest = 2
    loop.meter.stepped = diverge  # type: ignore[method-assign,assignment]
    with pytest.raises(UserError, match=r"^model.network.weight is not finite after step 3, .* of step 2 is whole"):
        loop.train()
    assert words == ["saved 1", "report 2", "saved 2", "evaluated 1 2", "saved 2", "waited"]


def test_an_evaluation_whose_loss_is_no_number_ends_the_run(made: Made) -> None:
    loop, words = made()
    loop.run.evaluation.samples = TensorDataset(torch.full((3, 3), math.nan), torch.arange(3))
    with pytest.raises(UserError, match=r"^the loss of the test set is nan after step 2; .*; there is no checkpoint"):
        loop.train()
    assert words == ["report 2", "waited"]
    assert loop.run.progress.best is None


def test_a_first_epoch_with_nothing_to_learn_ends_the_run(made: Made) -> None:
    loop, words = made()
    loop.first_epoch.task.lacking = lambda _: frozenset({"an object"})  # type: ignore[method-assign,assignment]
    with pytest.raises(UserError, match=r"^data.source: no training sample has an object, so nothing can be learnt"):
        loop.train()
    assert words == ["report 2"]


def test_a_headline_that_is_unknown_is_said_once(made: Made, capfd: pytest.CaptureFixture[str]) -> None:
    loop, words = made()
    task = loop.run.task.task
    values = type(task).values
    object.__setattr__(task, "values", lambda sums: values(task, sums) | {"accuracy": math.nan})
    loop.train()
    assert capfd.readouterr().err.count("so no checkpoint is the best") == 1
    assert loop.run.progress.best is None
    assert words.count("waited") == 1


def test_a_stop_does_not_save_weights_that_are_not_finite(made: Made) -> None:
    loop, words = made(STOP)
    loop.step.model.module.network.bias.data[0] = math.inf
    with pytest.raises(UserError, match=r"^model.network.weight is not finite after step 1, .*; there is no chec"):
        loop.train()
    assert words == ["waited"]


def test_a_run_that_was_taken_over_writes_nothing_more(made: Made, capfd: pytest.CaptureFixture[str]) -> None:
    loop, words = made()
    lock = RunLock(ObjectStore("memory://loop"), "digits", "mine")
    lock.lost = "digits: was taken over by process 7 on other"
    loop.holds.locks.append(lock)
    with pytest.raises(RunFailed):
        loop.train()
    assert words[-1] == "waited"
    assert capfd.readouterr().err.startswith("torchferry: digits: was taken over by process 7 on other\n")
    with pytest.raises(UserError, match="was taken over by process 7"):
        loop._save()
    assert not any(word.startswith("saved") for word in words)
