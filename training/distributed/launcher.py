"""torchrun, with an exit code that says why.

    python -m torchferry.training.distributed.launcher --nproc-per-node 2 -m torchferry.training --config R

Options, PET_* variables and signals are torchrun's. But torchrun ends with 1 whatever ended its workers, so nobody can
tell a recipe that will never work from a node that was lost. This one ends with

    2           a worker refused its input; it is not started again either, however many restarts are left
    128 + n     stopped by signal n, after which the workers had --shutdown-timeout to save
    1           everything else
"""

import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from torch.distributed import run
from torch.distributed.elastic.agent.server import RunResult, WorkerGroup
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher import api

WRONG_INPUT = 2
STOPPED = {130, 143}
SECONDS = 30
"""For a worker that torchrun has lost to save and leave, as torchrun's own --shutdown-timeout is by default."""


class Agent(api.LocalElasticAgent):
    """Starts workers again only where that can help, and counts only what was a failure."""

    def _monitor_workers(self, worker_group: WorkerGroup) -> RunResult:
        result = super()._monitor_workers(worker_group)
        codes = {failure.exitcode for failure in result.failures.values()}
        if WRONG_INPUT in codes:
            self._remaining_restarts = 0
        elif codes and codes <= STOPPED and worker_group.spec.max_restarts > 0:
            # They saved and left, because a node elsewhere is drained. It will be back, or the others go on without it.
            self._remaining_restarts += 1  # the agent takes one off for this restart
        return result


def main(arguments: Sequence[str] | None = None) -> int:
    api.LocalElasticAgent = Agent  # type: ignore[misc]  # where torchrun looks it up
    try:
        run.main(arguments)
    except ChildFailedError as error:
        codes = {failure.exitcode for failure in error.failures.values()}
        if WRONG_INPUT in codes:  # which the worker has said in a line of its own
            return WRONG_INPUT
        print(error, file=sys.stderr)
        return min(codes) if codes <= STOPPED else 1
    except SignalException as error:
        end_lost_workers()
        return 128 + error.sigval
    except KeyboardInterrupt:  # before torchrun has handlers of its own
        return 130
    return 0


def end_lost_workers() -> None:
    """torchrun knows its workers once all of them are started. A signal that comes before that leaves them behind, and
    they would wait for its store for half an hour."""
    workers, until = list(_workers()), time.monotonic() + SECONDS
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    for pid in workers:
        with suppress(ChildProcessError, ProcessLookupError):
            while os.waitpid(pid, os.WNOHANG) == (0, 0):
                if time.monotonic() > until:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.05)


def _workers() -> Iterator[int]:
    """Children of this process that torchrun has started, and not those that Python itself starts."""
    for task in Path("/proc/self/task").iterdir():
        for pid in (task / "children").read_text().split():
            with suppress(OSError):  # it ends meanwhile
                if b"TORCHELASTIC_RUN_ID=" in Path("/proc", pid, "environ").read_bytes():
                    yield int(pid)


if __name__ == "__main__":
    sys.exit(main())
