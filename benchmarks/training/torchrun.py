"""Start torchrun, and make sure that nothing of it is left behind."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

import psutil

from torchferry.errors import ServerFault

# torchrun gives its workers 30 seconds to end in good order.
SECONDS_TO_STOP = 45
LINES_SHOWN = 40


@dataclass(frozen=True)
class Launch:
    """One torchrun that is under way."""

    name: str
    """What a message calls it."""
    process: psutil.Popen
    log: Path
    """Standard output and error of it and of its workers."""

    def workers(self) -> list[psutil.Process]:
        """Its worker processes, by rank."""
        ranks = {_rank(child): child for child in self.process.children()}
        return [ranks[rank] for rank in sorted(rank for rank in ranks if rank is not None)]

    def wait(self) -> None:
        if self.process.wait():
            self.fail(f"ended with exit code {self.process.returncode}")

    def fail(self, what: str) -> NoReturn:
        """Show the end of its log and raise ServerFault."""
        print(*self.log.read_text(errors="replace").splitlines()[-LINES_SHOWN:], sep="\n", file=sys.stderr)
        raise ServerFault(f"{self.name} {what}; the end of what it said is above")


@contextmanager
def torchrun(
    name: str,
    arguments: Sequence[object],
    *,
    processes: int,
    threads: int,
    log: Path,
    max_restarts: int = 0,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Launch]:
    """`torchrun -m ARGUMENTS`, ended with all its workers at the end of the block, whatever ends that."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", processes]
    words = [*launcher, "--max-restarts", max_restarts, "-m", *arguments]
    with log.open("w") as output:
        process = psutil.Popen(
            [sys.executable, *map(str, words)],
            env={**os.environ, "OMP_NUM_THREADS": str(threads), **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C reaches this process alone, which then ends the others in order.
            start_new_session=True,
        )
    try:
        yield Launch(name, process, log)
    finally:
        _stop(process)


def _stop(process: psutil.Popen) -> None:
    family = _family(process)
    if process.poll() is None:
        process.terminate()
    _, left = psutil.wait_procs(family, timeout=SECONDS_TO_STOP)
    for late in left:
        late.kill()
    process.wait()


def _family(process: psutil.Popen) -> list[psutil.Process]:
    try:
        return [*process.children(recursive=True), process]
    except psutil.NoSuchProcess:
        return []


def _rank(process: psutil.Process) -> int | None:
    try:
        rank = process.environ().get("RANK")
    except psutil.Error:
        return None
    return None if rank is None else int(rank)
