"""Which samples each step used: `samples-<rank>.csv` in the run folder, one line for each optimizer step.

After a restart it goes on where the checkpoint stood, so it reads as if nothing had happened.
"""

from pathlib import Path

import torch

from training.files import write_whole


class SampleLog:
    """`step,index,index,...`, in the order in which this rank fed them."""

    def __init__(self, run_dir: Path, rank: int, step: int) -> None:
        """Keeps of an earlier file what was written up to `step`."""
        path = run_dir / f"samples-{rank}.csv"
        if path.exists():
            kept = [line for line in path.read_text().splitlines() if int(line.partition(",")[0] or step + 1) <= step]
            write_whole(path, "".join(f"{line}\n" for line in kept))
        self.file = path.open("a", buffering=1)
        self.indices: list[int] = []

    def add(self, indices: torch.Tensor) -> None:
        self.indices += indices.tolist()

    def flush(self, step: int) -> None:
        self.file.write(",".join(map(str, [step, *self.indices])) + "\n")
        self.indices = []


class NoSampleLog(SampleLog):
    def __init__(self) -> None: ...
    def add(self, indices: torch.Tensor) -> None: ...
    def flush(self, step: int) -> None: ...
