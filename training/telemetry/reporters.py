"""Reporters of the leading rank: a progress display, metrics.jsonl, TensorBoard and Prometheus."""

import json
import math
import sys
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from rich import progress
from rich.console import Console

from torchferry import run_folder
from torchferry.files import write_whole
from torchferry.training.evaluation import Evaluation
from torchferry.training.progress import Progress
from torchferry.training.telemetry.prometheus import TrainMetrics
from torchferry.training.telemetry.report import Report, shown


class Reporter(Protocol):
    """What the loop reports to."""

    def step(self, *, samples: int, seconds: float, waited: float) -> None:
        """One optimizer step over `samples` of all ranks took `seconds`, `waited` of them for data."""

    def report(self, report: Report) -> None: ...

    def evaluated(self, *, epoch: int, step: int, result: Evaluation) -> None: ...

    def saved(self, seconds: float) -> None:
        """A checkpoint is durable; it took `seconds`."""

    def save_failed(self) -> None: ...

    def close(self) -> None: ...


class NullReporter:
    """For the ranks that do not lead."""

    def step(self, **_: Any) -> None: ...
    def report(self, _: Report) -> None: ...
    def evaluated(self, **_: Any) -> None: ...
    def saved(self, _: float) -> None: ...
    def save_failed(self) -> None: ...
    def close(self) -> None: ...


class RankZeroReporter:
    """For the leading rank: passes each report on."""

    def __init__(self, run_dir: Path, metrics: TrainMetrics, stands: Progress, *, total: int, epochs: int) -> None:
        """Goes on where the run `stands`, towards `total` optimizer steps in `epochs`."""
        self.metrics, self.epochs = metrics, epochs
        self.file = _continued(run_dir / run_folder.METRICS, stands)
        self.board = _open_board(run_dir, stands.step) if metrics.config.tensorboard else None
        self.losses: list[tuple[float, int]] = []  # of `epoch`: mean loss, over so many steps
        self.epoch = stands.epoch
        self.reported = stands.step
        self.shows_bar = sys.stdout.isatty()
        self.bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[loss]}"),
            console=Console(),
            disable=not self.shows_bar,
        )
        self.task = self.bar.add_task("training", total=total, completed=stands.step, loss="")
        self.bar.start()

    def step(self, *, samples: int, seconds: float, waited: float) -> None:
        self.metrics.step(samples, seconds, waited)
        if self.shows_bar:
            self.bar.advance(self.task)

    def report(self, report: Report) -> None:
        if report.epoch != self.epoch:
            self.epoch, self.losses = report.epoch, []
        self.losses.append((report.loss, report.step - self.reported))
        self.reported = report.step
        self.metrics.report(report)
        self.bar.update(self.task, loss=f"loss {report.loss:.4f}, {report.samples_per_second:,.0f} samples/s")
        values = asdict(report)
        if not report.learning_rates:
            del values["learning_rates"]
        self._write("train", values)

    def evaluated(self, *, epoch: int, step: int, result: Evaluation) -> None:
        self.metrics.evaluated(result)
        self._write(result.split, {"epoch": epoch, "step": step, "samples": result.samples, **result.values})
        steps = sum(steps for _, steps in self.losses)
        train = f"train loss {sum(loss * n for loss, n in self.losses) / steps:.4f}  " if steps else ""
        rest = "  ".join(f"{result.split} {name} {shown(name, value)}" for name, value in result.values.items())
        self.bar.console.print(f"epoch {epoch}/{self.epochs}  {train}{rest}", highlight=False, soft_wrap=True)

    def saved(self, seconds: float) -> None:
        self.metrics.saved(seconds)

    def save_failed(self) -> None:
        self.metrics.save_failed()

    def close(self) -> None:
        self.bar.stop()
        for file in (self.file, self.board):
            with suppress(OSError):  # a full disk, of which _write has said it
                if file is not None:
                    file.close()
        self.metrics.close()

    def _write(self, kind: str, values: dict[str, Any]) -> None:
        plain = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
        try:
            self.file.write(json.dumps({"kind": kind, "time": time.time(), **plain}) + "\n")
            if self.board is not None:
                rates = {f"learning_rates/{name}": rate for name, rate in values.get("learning_rates", {}).items()}
                for name, value in (plain | rates).items():
                    if isinstance(value, float):
                        self.board.add_scalar(f"{kind}/{name}", value, values["step"])
        except OSError as error:  # a full disk; what it does to a run is checkpoint.on_save_error's to say
            print(f"torchferry: {self.file.name}: cannot be written ({error.strerror})", file=sys.stderr, flush=True)


def _continued(path: Path, stands: Progress) -> Any:
    """The file open at its end, without the lines of what is about to be done again."""
    done = {"train": stands.step, "validation": stands.evaluated_step, "test": stands.evaluated_step}
    if path.exists():
        rows = [row for line in path.read_text(errors="replace").splitlines() if (row := _row(line))]
        kept = [row for row in rows if row["step"] <= done[row["kind"]]]
        write_whole(path, "".join(json.dumps(row) + "\n" for row in kept))
    return path.open("a", buffering=1)


def _row(line: str) -> dict[str, Any] | None:
    """None for what a crash left of a line."""
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def _open_board(run_dir: Path, step: int) -> Any:
    # Imported here, because it takes more than a second and only one rank needs it.
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(run_dir, purge_step=step + 1)
