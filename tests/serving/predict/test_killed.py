"""`predict --bundle` is killed again and again, and ends with the bytes of a run that was left alone."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT, run_python
from tests.serving import tiny_bundle
from tests.waiting import wait_until

ROWS = 20_000


@pytest.mark.slow
def test_a_killed_run_goes_on_and_ends_as_one_that_was_not(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("".join(f"{number / 7},{'x' if number % 1000 == 999 else 1}\n" for number in range(ROWS)))
    words = ["-m", "torchferry", "predict", rows, "--bundle", tiny_bundle.written(tmp_path).root, "--processes", 2]
    whole, killed = tmp_path / "whole.csv", tmp_path / "killed.csv"
    alone = run_python(*words, "--output", whole)
    assert (alone.returncode, alone.stderr.splitlines()[-1]) == (
        2,
        f"torchferry: 20 of 20,000 samples have no answer; {whole} says why",
    )
    for _ in range(2):
        kill_in_the_middle([sys.executable, *map(str, words), "--output", str(killed)], killed)
    last = run_python(*words, "--output", killed)
    assert last.returncode == 2, last.stderr
    assert killed.read_bytes() == whole.read_bytes()


def kill_in_the_middle(command: list[str], output: Path) -> None:
    """Its processes too, as a machine that goes down does."""
    before = output.stat().st_size if output.exists() else 0
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        wait_until(lambda: process.poll() is not None or (output.exists() and output.stat().st_size > before))
        assert process.poll() is None, "it has ended before it was killed"
        os.killpg(process.pid, signal.SIGKILL)
    with output.open("ab") as file:
        file.write(b"half a rec")  # what a write that was cut may leave
