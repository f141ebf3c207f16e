"""A command of the warm Python is, from outside, the process that it stands for."""

import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.commands import RECIPES, ROOT, run_command, run_python
from tests.forks import warm_python
from tests.ports import free_port
from tests.waiting import wait_until


def answers(port: int) -> bool:
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    return False


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, -signal.SIGHUP), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_signal_is_for_the_fork_which_never_outlives_its_client(tmp_path: Path, number: int, code: int) -> None:
    port = free_port()
    words = ("--config", RECIPES / "digits.yaml", "--epochs", 400, "--runs_dir", tmp_path, "--metrics.port", port)
    command = [warm_python(), "-m", "torchferry.training", *map(str, words)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: answers(port) or process.poll() is not None, 60)
            process.send_signal(number)
            assert process.wait(60) == code
        finally:
            process.kill()
    wait_until(lambda: not answers(port), 60)


def test_every_other_command_starts_an_interpreter() -> None:
    words = ("-c", "import sys; print(sys.orig_argv[1:])")
    warm, real = run_command(*words), run_python(*words)
    assert (warm.returncode, warm.stdout, warm.stderr) == (real.returncode, real.stdout, real.stderr)
