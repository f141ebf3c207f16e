"""`warm_python()`: a Python that has done its imports, for commands of ours that a test starts by the dozen.

It is a program that takes a command as `python` does. `-m torchferry`, `-m torch.distributed.run`, the benchmarks' bare
trainers and TorchServe's workers run in a fork of a process that has imported torch and our packages
(`warm.py`): a process of its own, with its own environment, streams, signals and exit code, that costs what it does
and not the seconds that its imports take. Every other command starts an interpreter. What has to be measured truly, or
asks how a fresh interpreter behaves, uses `sys.executable`.

`client.py` hands its command to `server.py`, passes signals on, and ends as the fork ended; a client that is killed
takes the fork with it. torchrun starts its workers with `$PYTHON_EXEC`, and TorchServe with the Python that has started
it, which is how they become forks as well.
"""

import fcntl
import functools
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
FOLDER = "torchferry-forks"
"""How the folder of a suite's warm Python begins."""
_servers: list[subprocess.Popen[bytes]] = []


@functools.cache
def warm_python() -> str:
    """Where it lies. The first worker of pytest-xdist that asks starts the server, which ends with the suite."""
    suite = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    started = round(psutil.Process(suite).create_time())  # numbers of processes come back
    folder = Path(tempfile.gettempdir()) / f"{FOLDER}-{suite}-{started}"
    program = folder / "python"
    folder.mkdir(exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            _start(folder, suite)
            client = [sys.executable, "-IS", str(Path(__file__).with_name("client.py")), str(folder / "socket")]
            program.write_text(f'#!/bin/sh\nexec {shlex.join(client)} "$@"\n')
            program.chmod(0o700)
    return str(program)


def warm_workers() -> dict[str, str]:
    """The environment in which torchrun's workers are forks."""
    return {"PYTHON_EXEC": warm_python(), "OMP_NUM_THREADS": "1"}


def _start(folder: Path, suite: int) -> None:
    command = [sys.executable, "-m", "tests.forks.server", str(folder), str(suite)]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    _servers.append(server)
    wait_until(lambda: (folder / "socket").exists() or server.poll() is not None, 120)
    assert server.poll() is None, (folder / "log").read_text()
