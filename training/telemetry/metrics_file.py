"""metrics.jsonl in the run folder, and TensorBoard's events beside it."""

import json
import math
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from torchferry import run_folder
from torchferry.files import write_whole
from torchferry.training.progress import Progress


class MetricsFile:
    """One JSON object a line, of kind train, validation or test."""

    def __init__(self, run_dir: Path, stands: Progress, *, tensorboard: bool) -> None:
        self.file = _continued(run_dir / run_folder.METRICS, stands)
        self.board = Board(run_dir, stands.step) if tensorboard else None

    def write(self, kind: str, values: Mapping[str, Any]) -> None:
        """With `step` among the values. What JSON does not have, NaN and infinity, becomes null."""
        plain = {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in values.items()
        }
        try:
            self.file.write(json.dumps({"kind": kind, "time": time.time(), **plain}) + "\n")
            if self.board is not None:
                self.board.write(kind, plain)
        except OSError as error:  # a full disk; what it does to a run is checkpoint.on_save_error's to say
            print(f"torchferry: {self.file.name}: cannot be written ({error.strerror})", file=sys.stderr, flush=True)

    def close(self) -> None:
        for file in (self.file, self.board):
            with suppress(OSError):  # a full disk, of which `write` has said it
                if file is not None:
                    file.close()


class Board:
    """TensorBoard's events: a scalar for each value that is a float, named kind/value."""

    def __init__(self, run_dir: Path, step: int) -> None:
        # Imported here, because it takes more than a second and only one rank needs it.
        from tensorboard.compat.proto.summary_pb2 import Summary  # type: ignore[import-untyped]
        from torch.utils.tensorboard import SummaryWriter

        self.summary, self.writer = Summary, SummaryWriter(run_dir, purge_step=step + 1)

    def write(self, kind: str, values: Mapping[str, Any]) -> None:
        scalars = [
            self.summary.Value(tag=f"{kind}/{name}", simple_value=value)
            for name, value in values.items()
            if isinstance(value, float)
        ]
        rates = values.get("learning_rates", {}).items()
        scalars += [self.summary.Value(tag=f"{kind}/learning_rates/{name}", simple_value=rate) for name, rate in rates]
        # One event for all: add_scalar makes one for each, by way of an array.
        self.writer.file_writer.add_summary(self.summary(value=scalars), values["step"])  # type: ignore[attr-defined]

    def close(self) -> None:
        self.writer.close()


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
