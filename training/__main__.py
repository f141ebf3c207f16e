"""From a recipe to a run folder: `torchrun --standalone --nproc-per-node 2 -m training --config R`.

`python -m training --config R` does the same in one process, `python -m training samples RUN` writes held-out
samples as image files, `python -m training fetch URL` gets a finished run from a store, and `python -m training render`
writes an overlay that runs a recipe on Kubernetes.
"""

import atexit
import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import NoReturn

from training.config.recipe import Recipe
from training.errors import UserError

EXIT_SECONDS = 5.0


def main(arguments: list[str]) -> int:
    # It asks for a save, and until training begins there is nothing to save.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        if arguments[:1] == ["samples"]:
            from training.outputs.sample_images import main as samples

            samples(arguments[1:])
        elif arguments[:1] == ["fetch"]:
            from training.checkpointing.download_run import main as fetch

            fetch(arguments[1:])
        elif arguments[:1] == ["render"]:
            from training.render.render_command import main as render

            render(arguments[1:])
        else:
            # Imported here so that a wrong recipe is refused before torch is loaded.
            from training.config.cli import parse

            recipe = parse(arguments)
            from torch.distributed.elastic.multiprocessing.errors import record

            from training.trainer.run import run

            # Under torchrun, a traceback is shown in its report instead of "to enable traceback see ...".
            outcome = record(_attempt)(run, recipe)
            return _refuse(outcome) if isinstance(outcome, UserError) else outcome or 0
    except UserError as error:
        return _refuse(error)
    except KeyboardInterrupt:
        return 130
    return 0


def _attempt(run: Callable[[Recipe], int], recipe: Recipe) -> int | UserError:
    """What ends a run in words is a result here, so that it is not recorded as a failure with a traceback."""
    try:
        return run(recipe)
    except UserError as error:
        return error
    except Exception as error:
        # A save may be waiting for a rank that is gone, and Python would wait for the save before it ends.
        ends = threading.Timer(EXIT_SECONDS, os._exit, (1,))
        ends.daemon = True
        ends.start()
        from training.distributed.process_group import why_ranks_parted

        if (reason := why_ranks_parted(error)) is None:
            raise
        rank = os.environ.get("RANK", 0)
        print(f"training: rank {rank}: ends, because another rank seems to have gone ({reason})", file=sys.stderr)
        return 1


def _refuse(error: UserError) -> int:
    if int(os.environ.get("LOCAL_RANK", 0)) != 0:
        # Most likely the first rank says the same, and torchrun ends all workers as soon as it has exited.
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        time.sleep(10)
    print(f"training: {error}", file=sys.stderr, flush=True)
    return 2


def _end(arguments: list[str]) -> NoReturn:
    """The process ends here, before the interpreter takes itself apart: beside threads of Gloo that still run, that
    now and then ends in an abort, and the exit code would be another."""
    try:
        code: object = main(arguments)
    except SystemExit as end:
        code = end.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
            code = 1
    except BaseException:
        traceback.print_exc()
        code = 1
    # What the interpreter does first: wait for a save that is being written, then what was registered with atexit.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    _end(sys.argv[1:])
