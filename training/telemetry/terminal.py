"""Shows a person the run: a bar on a terminal; elsewhere a line for each epoch, and one where that takes long."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from torchferry.contract.tasks.metric_text import metric_text
from torchferry.training.evaluation import Evaluation
from torchferry.training.progress import Progress
from torchferry.training.telemetry.report import Report

SILENCE = 25.0
"""Seconds after which a line says where the run stands, so that none of 30 go by without one."""


class Terminal(Protocol):
    def step(self) -> None: ...
    def report(self, report: Report) -> None: ...
    def evaluating(self) -> None: ...
    def evaluated(self, epoch: int, train_loss: float | None, result: Evaluation) -> None: ...
    def close(self) -> None: ...


def open_terminal(stands: Progress, *, total: int, epochs: int) -> Terminal:
    """`stands` is moved by the loop, towards `total` optimizer steps in `epochs`."""
    kind = Bar if sys.stdout is not None and sys.stdout.isatty() else Lines
    return kind(stands, total, epochs)


class Bar:
    def __init__(self, stands: Progress, total: int, epochs: int) -> None:
        from rich import progress  # only here, because it is not imported at once
        from rich.console import Console

        self.epochs = epochs
        self.bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[loss]}"),
            console=Console(),
        )
        self.task = self.bar.add_task("training", total=total, completed=stands.step, loss="")
        self.bar.start()

    def step(self) -> None:
        self.bar.advance(self.task)

    def report(self, report: Report) -> None:
        self.bar.update(self.task, description="training", loss=_loss(report))

    def evaluating(self) -> None:
        self.bar.update(self.task, description="evaluating")

    def evaluated(self, epoch: int, train_loss: float | None, result: Evaluation) -> None:
        self.bar.update(self.task, description="training")
        self.bar.console.print(_epoch(epoch, self.epochs, train_loss, result), highlight=False, soft_wrap=True)

    def close(self) -> None:
        self.bar.stop()


class Lines:
    """For logs. A thread watches that a long step or evaluation is not taken for a run that hangs."""

    def __init__(self, stands: Progress, total: int, epochs: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.stands, self.total, self.epochs, self.clock = stands, total, epochs, clock
        self.first, self.began = stands.step, clock()
        self.said, self.newest, self.evaluates = self.began, "", False
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self._watch, name="lines", daemon=True)
        self.thread.start()

    def step(self) -> None: ...

    def report(self, report: Report) -> None:
        self.newest, self.evaluates = _loss(report), False

    def evaluating(self) -> None:
        self.evaluates = True

    def evaluated(self, epoch: int, train_loss: float | None, result: Evaluation) -> None:
        self.evaluates = False
        self._say(_epoch(epoch, self.epochs, train_loss, result))

    def close(self) -> None:
        self.closed.set()
        self.thread.join()

    def standing(self) -> str:
        """Where the run stands, with what is known of it by now."""
        step, steps = self.stands.step, self.stands.step - self.first
        words = [f"epoch {min(self.stands.epoch + 1, self.epochs)}/{self.epochs}", f"step {step}/{self.total}"]
        if self.evaluates:
            words.append("evaluating")
        elif self.newest:
            words.append(self.newest)
        if steps and step < self.total:
            left = (self.total - step) * (self.clock() - self.began) / steps
            words.append(f"{timedelta(seconds=round(left))} left")
        return "  ".join(words)

    def _watch(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody reads any more, which the next line of the loop finds
            while not self.closed.wait(max(0.0, self.said + SILENCE - self.clock())):
                if self.clock() >= self.said + SILENCE:  # the loop may have spoken meanwhile
                    self._say(self.standing())

    def _say(self, line: str) -> None:
        self.said = self.clock()
        # With its end, so that two threads' lines do not mix.
        print(line + "\n", end="", flush=True)


def _loss(report: Report) -> str:
    return f"loss {report.loss:.4f}, {report.samples_per_second:,.0f} samples/s"


def _epoch(epoch: int, epochs: int, train_loss: float | None, result: Evaluation) -> str:
    train = f"train loss {train_loss:.4f}  " if train_loss is not None else ""
    named = [name for name in ("loss", *result.told) if name in result.values]
    rest = "  ".join(f"{result.split} {name} {metric_text(name, result.values[name])}" for name in named)
    return f"epoch {epoch}/{epochs}  {train}{rest}"
