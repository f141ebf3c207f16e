"""Processes that compute, and that end with the one that started them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.serving import tiny_bundle
from tests.serving.predict.samples import row
from tests.waiting import wait_until
from torchferry.serving.predict import processes
from torchferry.serving.predict.local import AskedBundle
from torchferry.serving.predict.question import Question

STARTS = """
import pathlib, sys, time
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.predict.local import AskedBundle
from torchferry.serving.predict.processes import AskingProcesses, ask
from torchferry.serving.predict.question import Question
from torchferry.serving.predict.sample import Sample
if __name__ == "__main__":
    pool = AskingProcesses(AskedBundle(bundles.load(pathlib.Path(sys.argv[1]))), 1)
    pool.submit(ask, Question(0, [Sample("a", 1, "row", b"1,0")])).result()
    print(*pool._processes, flush=True)
    time.sleep(600)
"""


def test_in_this_process_the_work_is_done_at_once() -> None:
    future = processes.InThisProcess().submit(max, 1, 3)
    assert future.result(timeout=0) == 3


@pytest.mark.slow
def test_another_process_gives_the_same_answers(tmp_path: Path) -> None:
    asked = AskedBundle(tiny_bundle.written(tmp_path))
    samples = [row(1, "0.25,0.75"), row(2, "wrong")]
    with processes.AskingProcesses(asked, 1) as pool:
        assert pool.submit(processes.ask, Question(0, samples)).result() == asked.ask(samples)


@pytest.mark.slow
def test_they_end_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "starts.py"
    script.write_text(STARTS)
    command = [sys.executable, str(script), str(tiny_bundle.written(tmp_path).root)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        (child,) = map(int, parent.stdout.readline().split())
        assert Path(f"/proc/{child}").exists()
        parent.kill()
    wait_until(lambda: not Path(f"/proc/{child}").exists())
