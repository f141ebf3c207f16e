"""Reporters, to which the loop tells all: on the leading rank terminal, files, Prometheus and Kubeflow; else nobody."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from torchferry.training.evaluation import Evaluation
from torchferry.training.progress import Progress
from torchferry.training.telemetry.metrics_file import MetricsFile
from torchferry.training.telemetry.prometheus import TrainMetrics
from torchferry.training.telemetry.report import Report
from torchferry.training.telemetry.terminal import open_terminal
from torchferry.training.telemetry.trainjob_status import trainjob_status


class Reporter(Protocol):
    """What the loop reports to."""

    def step(self, *, samples: int, seconds: float, waited: float) -> None:
        """One optimizer step over `samples` of all ranks took `seconds`, `waited` of them for data."""

    def report(self, report: Report) -> None: ...

    def evaluating(self) -> None:
        """An evaluation begins."""

    def evaluated(self, *, epoch: int, step: int, result: Evaluation) -> None: ...

    def saved(self, seconds: float) -> None:
        """A checkpoint is durable; it took `seconds`."""

    def save_failed(self) -> None: ...

    def finish(self, *, done: bool) -> None:
        """Nothing more is told: files are complete, and what is sent anywhere is sent once more. `done`: no failure."""

    def linger(self, ended: Callable[[], bool]) -> None:
        """Wait until the last values were scraped, if somebody scrapes, or `ended` says so."""

    def close(self) -> None:
        """Nothing is there to be scraped any more; finishes what is not."""


class NullReporter:
    """For the ranks that do not lead."""

    def step(self, **_: Any) -> None: ...
    def report(self, _: Report) -> None: ...
    def evaluating(self) -> None: ...
    def evaluated(self, **_: Any) -> None: ...
    def saved(self, _: float) -> None: ...
    def save_failed(self) -> None: ...
    def finish(self, *, done: bool) -> None: ...
    def linger(self, _: Callable[[], bool]) -> None: ...
    def close(self) -> None: ...


class RankZeroReporter:
    """For the leading rank: passes each report on."""

    def __init__(self, run_dir: Path, metrics: TrainMetrics, stands: Progress, *, total: int, epochs: int) -> None:
        """Goes on where the run `stands`, towards `total` optimizer steps in `epochs`; the loop moves `stands`."""
        self.metrics, self.epochs, self.finished = metrics, epochs, False
        self.file = MetricsFile(run_dir, stands, tensorboard=metrics.config.tensorboard)
        self.losses: list[tuple[float, int]] = []  # of `epoch`: mean loss, over so many steps
        self.epoch = stands.epoch
        self.reported = stands.step
        self.terminal = open_terminal(stands, total=total, epochs=epochs)
        self.status = trainjob_status(os.environ, stands, total)

    def step(self, *, samples: int, seconds: float, waited: float) -> None:
        self.metrics.step(samples, seconds, waited)
        self.terminal.step()

    def report(self, report: Report) -> None:
        if report.epoch != self.epoch:
            self.epoch, self.losses = report.epoch, []
        self.losses.append((report.loss, report.step - self.reported))
        self.reported = report.step
        self.metrics.report(report)
        self.terminal.report(report)
        self.status.report(report)
        self.file.write(
            "train", {name: value for name, value in vars(report).items() if name != "learning_rates" or value}
        )

    def evaluating(self) -> None:
        self.terminal.evaluating()

    def evaluated(self, *, epoch: int, step: int, result: Evaluation) -> None:
        self.metrics.evaluated(result)
        self.status.evaluated(result)
        self.file.write(result.split, {"epoch": epoch, "step": step, "samples": result.samples, **result.values})
        steps = sum(steps for _, steps in self.losses)
        train = sum(loss * n for loss, n in self.losses) / steps if steps else None
        self.terminal.evaluated(epoch, train, result)

    def saved(self, seconds: float) -> None:
        self.metrics.saved(seconds)

    def save_failed(self) -> None:
        self.metrics.save_failed()

    def finish(self, *, done: bool) -> None:
        if not self.finished:
            self.finished = True
            self.terminal.close()
            self.file.close()
            self.metrics.finish()
            self.status.finish(done=done)

    def linger(self, ended: Callable[[], bool]) -> None:
        self.metrics.linger(ended)

    def close(self) -> None:
        self.finish(done=False)
        self.metrics.close()
