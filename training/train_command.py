"""`torchferry train --config R`: from a recipe to a run folder.

In one process; with `--nproc-per-node N` in N, which torchrun starts; and under torchrun itself, which starts
`-m torchferry.training`, each of these processes is one rank.
"""

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from typing import NoReturn

from torchferry.arguments import Parser
from torchferry.errors import StoreError, UserError
from torchferry.training.config.cli import parse
from torchferry.training.config.given import Given
from torchferry.training.config.recipe import Recipe
from torchferry.training.distributed.launch_variables import refuse_others
from torchferry.training.errors import RankError, RunFailed, SaidElsewhere

EXIT_SECONDS = 5.0


def main(arguments: Sequence[str]) -> NoReturn:
    """Train, and end the process with the exit code."""
    # A stop is a run's own business, and before there is one it ends the process at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # It asks for a save, and until training begins there is nothing to save.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        code: object = train(arguments)
    except SystemExit as end:  # argparse's after --help, or of a module that the recipe names
        code = end.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    _end(code if isinstance(code, int) else 0)


def train(arguments: Sequence[str]) -> int:
    """The exit code."""
    try:
        processes, rest = _launched(arguments)
        recipe = parse(rest)  # before torch is loaded, so that a wrong recipe is refused at once
        if processes is not None:
            refuse_others(os.environ)
            _check_gpus(processes)
            _say_threads()
            from torchferry.training.distributed import launcher

            return launcher.main(["--standalone", "--nproc-per-node", processes, "-m", "torchferry.training", *rest])
        from torch.distributed.elastic.multiprocessing.errors import record

        from torchferry.training.trainer.run import run

        # Under torchrun, a traceback is shown in its report instead of "to enable traceback see ...".
        outcome = record(_attempt)(run, recipe)
        if isinstance(outcome, UserError):
            return _refuse(UserError(Given(rest).placed(str(outcome))))
        if isinstance(outcome, RunFailed):
            if text := str(outcome):
                print(f"torchferry: {text}", file=sys.stderr)
            return 1
        return outcome or 0
    except UserError as error:
        return _refuse(error)
    except KeyboardInterrupt:
        return 130


def _launched(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """How many processes torchrun is to start, if it is, and what is left of the arguments."""
    parser = Parser(prog="torchferry train", add_help=False, allow_abbrev=False)
    parser.add_argument("--nproc-per-node", "--nproc_per_node", metavar="N")
    options, rest = parser.parse_known_args(arguments)
    processes = options.nproc_per_node
    if processes is None:
        return None, rest
    if "LOCAL_RANK" in os.environ:
        raise UserError("--nproc-per-node: this process was itself started by torchrun, which has the option already")
    if processes not in ("auto", "cpu", "gpu") and not (processes.isdecimal() and int(processes) > 0):
        raise UserError(f"--nproc-per-node: {processes} is not valid; give 1 or more, auto, cpu or gpu")
    return processes, rest


def _check_gpus(processes: str) -> None:
    if processes == "gpu":
        import torch

        if not torch.cuda.is_available():
            raise UserError("--nproc-per-node: gpu: torch finds no GPU here; give a number, or cpu")


def _say_threads() -> None:
    """torchrun's own default, which it would announce in four lines."""
    if "OMP_NUM_THREADS" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = "1"
        print("torchferry: each process computes on 1 thread; OMP_NUM_THREADS sets another number", file=sys.stderr)


def _attempt(run: Callable[[Recipe], int], recipe: Recipe) -> int | UserError | RunFailed:
    """What ends a run in words is a result here, so that it is not recorded as a failure with a traceback."""
    try:
        return run(recipe)
    except (UserError, RunFailed) as error:
        if isinstance(error, SaidElsewhere):
            _end_soon()
        return error
    except StoreError as error:
        from torchferry.training.distributed.process_group import of_store

        return of_store(error)
    except Exception as error:
        _end_soon()
        from torchferry.training.distributed.process_group import why_ranks_parted

        if (reason := why_ranks_parted(error)) is None:
            raise
        rank = os.environ.get("RANK", 0)
        print(f"torchferry: rank {rank}: ends, because another rank seems to have gone ({reason})", file=sys.stderr)
        return 1


def _end_soon() -> None:
    """A save may be waiting for a rank that is gone, and Python would wait for the save before it ends."""
    ends = threading.Timer(EXIT_SECONDS, os._exit, (1,))
    ends.daemon = True
    ends.start()


def _refuse(error: UserError) -> int:
    if isinstance(error, SaidElsewhere):
        return 2
    local_rank = os.environ.get("LOCAL_RANK", "0")  # refused, if it is no number
    if not isinstance(error, RankError) and local_rank.isdecimal() and int(local_rank) != 0:
        # Most likely the first rank says the same, and torchrun ends all workers as soon as it has exited.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(10)
    print(f"torchferry: {error}", file=sys.stderr, flush=True)
    return 2


def _end(code: int) -> NoReturn:
    """The process ends here, before the interpreter takes itself apart: beside threads of Gloo that still run, that
    now and then ends in an abort, and the exit code would be another."""
    # What the interpreter does first: wait for a save that is being written, then what was registered with atexit.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in filter(None, (sys.stdout, sys.stderr)):  # one that was closed before the start is None
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)
