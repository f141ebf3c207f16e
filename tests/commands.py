"""Run a command to its end, as a user would type it.

`run_command("-m", "serving", ...)` and the like run in a fork of a process that has imported torch and our packages, so
a command costs what it does and not the seconds that its imports take. It is a process of its own, with its own
environment, signals, standard streams and exit code; only the imports are done. What a fresh interpreter does, such as
which modules a verb loads, is asked with `run_python`; `tests/test_commands.py` has one real command of each verb.
"""

import atexit
import os
import runpy
import subprocess
import sys
import tempfile
from multiprocessing.context import ForkServerContext
from pathlib import Path

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "training" / "recipes"
OURS = ("training", "serving", "benchmarks")
FORKED = ("training", "serving")
"""Those whose imports take seconds; what measures starts as users start it."""
SECONDS = 300

_forks = ForkServerContext()

Done = subprocess.CompletedProcess[str]


def run_command(*arguments: object, cwd: Path = ROOT, **environment: str) -> Done:
    """Run `python ARGUMENTS` to its end, whatever that is; forked, where its imports take long."""
    words = [str(argument) for argument in arguments]
    if words[0] == "-m" and words[1] in FORKED and cwd == ROOT and "PYTHONPATH" not in environment:
        return _run_forked(words, os.environ | environment)
    return run_python(*words, cwd=cwd, **environment)


def run_python(*arguments: object, cwd: Path = ROOT, **environment: str) -> Done:
    """The same in an interpreter that starts from nothing."""
    command = [sys.executable, *map(str, arguments)]
    given = os.environ | environment
    return subprocess.run(command, cwd=cwd, env=given, capture_output=True, text=True, timeout=SECONDS)


def torchrun(ranks: int, *arguments: object) -> Done:
    """`torchrun --standalone --nproc-per-node RANKS -m training ARGUMENTS`."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", ranks)
    return run_python(*launcher, "-m", "training", *arguments, OMP_NUM_THREADS="1")


def _run_forked(words: list[str], environment: dict[str, str]) -> Done:
    _forks.set_forkserver_preload(["tests.warm"])
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _forks.Process(target=_become, args=(words, environment, *streams))
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(words, SECONDS)
        written = [stream.read_text() if stream.exists() else "" for stream in streams]
    return subprocess.CompletedProcess(words, process.exitcode, *written)


def _become(words: list[str], environment: dict[str, str], stdout: Path, stderr: Path) -> None:
    """Turn this process into `python -m MODULE ARGUMENTS`."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(ROOT)
    for descriptor, path in ((1, stdout), (2, stderr)):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, descriptor)
        os.close(file)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    if threads := environment.get("OMP_NUM_THREADS"):  # which OpenMP has read already
        import torch

        torch.set_num_threads(int(threads))
    _, module, *arguments = words
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    finally:
        atexit._run_exitfuncs()
