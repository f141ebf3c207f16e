"""torchrun, with an exit code that says why.

    python -m torchferry.training.distributed.launcher --nproc-per-node 2 -m torchferry.training --config R

Options, PET_* variables and signals are torchrun's. But torchrun ends with 1 whatever ended its workers, so nobody can
tell a recipe that will never work from a node that was lost. This one ends with

    2           a worker refused its input; it is not started again either, however many restarts are left
    128 + n     stopped by signal n, after which the workers had --shutdown-timeout to save
    1           everything else
"""

import sys
from collections.abc import Sequence

from torch.distributed import run
from torch.distributed.elastic.agent.server import RunResult, WorkerGroup
from torch.distributed.elastic.multiprocessing import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher import api

WRONG_INPUT = 2
STOPPED = {130, 143}


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
        return 128 + error.sigval
    except KeyboardInterrupt:  # before torchrun has handlers of its own
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
