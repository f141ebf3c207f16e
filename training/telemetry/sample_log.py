"""A log of the samples each step used: `samples-<rank>.csv` in the run folder, one line for each optimizer step.

After a restart it goes on where the checkpoint stood, so it reads as if nothing had happened.
"""

import re
import sys
from pathlib import Path

import torch

from torchferry.files import write_whole

WHOLE = re.compile(r"\d+(,\d+)*\n")


def cut(run_dir: Path, step: int) -> None:
    """Take back, of every rank there was, what came after `step` and is about to be done again."""
    for path in run_dir.glob("samples-*.csv"):
        lines = path.read_text(errors="replace").splitlines(keepends=True)
        write_whole(path, "".join(line for line in lines if WHOLE.fullmatch(line) and int(line.split(",")[0]) <= step))


class SampleLog:
    """`step,index,index,...`, in the order in which this rank fed them."""

    def __init__(self, run_dir: Path, rank: int) -> None:
        self.file = (run_dir / f"samples-{rank}.csv").open("a", buffering=1)
        self.indices: list[int] = []

    def add(self, indices: torch.Tensor) -> None:
        self.indices += indices.tolist()

    def flush(self, step: int) -> None:
        try:
            self.file.write(",".join(map(str, [step, *self.indices])) + "\n")
        except OSError as error:  # a full disk; what it does to a run is checkpoint.on_save_error's to say
            print(f"torchferry: {self.file.name}: cannot be written ({error.strerror})", file=sys.stderr, flush=True)
        self.indices = []


class NoSampleLog(SampleLog):
    def __init__(self) -> None: ...
    def add(self, indices: torch.Tensor) -> None: ...
    def flush(self, step: int) -> None: ...
