"""Run a command to its end, as a user would type it."""

import os
import subprocess
import sys
from pathlib import Path

from tests.forks import ROOT, warm_python, warm_workers

RECIPES = ROOT / "training" / "recipes"
SECONDS = 300

Done = subprocess.CompletedProcess[str]


def run_command(*arguments: object, **environment: str) -> Done:
    """Run `python ARGUMENTS` to its end, whatever that is, with its imports done where they would take seconds."""
    return _run(warm_python(), *arguments, cwd=ROOT, **environment)


def run_python(*arguments: object, cwd: Path = ROOT, **environment: str) -> Done:
    """The same in an interpreter that starts from nothing."""
    return _run(sys.executable, *arguments, cwd=cwd, **environment)


def torchrun(ranks: int, *arguments: object) -> Done:
    """`torchrun --standalone --nproc-per-node RANKS -m torchferry.training ARGUMENTS`, with the imports done."""
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", ranks)
    words = (*launcher, "-m", "torchferry.training", *arguments)
    return run_command(*words, **warm_workers())


def _run(python: str, *arguments: object, cwd: Path, **environment: str) -> Done:
    command = [python, *map(str, arguments)]
    given = os.environ | environment
    return subprocess.run(command, cwd=cwd, env=given, capture_output=True, text=True, timeout=SECONDS)
