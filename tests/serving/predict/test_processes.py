"""Processes that compute, and that end with the one that started them."""

import subprocess
import sys
import threading
from concurrent.futures import wait
from pathlib import Path

import pytest

from tests.commands import ROOT, run_python
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
from torchferry.serving.predict.processes import AskingProcesses
from torchferry.serving.predict.question import Question
from torchferry.serving.predict.sample import Sample
if __name__ == "__main__":
    asking = AskingProcesses(AskedBundle(bundles.load(pathlib.Path(sys.argv[1]))), 1, alone_seconds=0)
    asking.ask(Question(0, [Sample("a", 1, "row", b"1,0")])).result()
    asking.opened[0].result()
    print(*asking.processes._processes, flush=True)
    time.sleep(600)
"""
SAMPLES = [row(1, "0.25,0.75"), row(2, "wrong")]


def test_in_this_process_the_work_is_done_at_once() -> None:
    future = processes.InThisProcess().submit(max, 1, 3)
    assert future.result(timeout=0) == 3


def test_for_little_work_no_other_process_is_started(tmp_path: Path) -> None:
    asked = AskedBundle(tiny_bundle.written(tmp_path))
    asking = processes.AskingProcesses(asked, 2, alone_seconds=600)
    assert [asking.ask(Question(0, SAMPLES)).result(timeout=0) for _ in range(20)] == [asked.ask(SAMPLES)] * 20
    assert asking.processes is None
    asking.shutdown()


@pytest.mark.slow
def test_other_processes_give_the_same_answers(tmp_path: Path) -> None:
    asked = AskedBundle(tiny_bundle.written(tmp_path))
    asking = processes.AskingProcesses(asked, 2, alone_seconds=0)
    first = asking.ask(Question(0, SAMPLES))
    wait(asking.opened)
    expected, asked.ask = asked.ask(SAMPLES), None  # type: ignore[assignment,method-assign]
    later = [asking.ask(Question(0, SAMPLES)) for _ in range(4)]
    assert [future.result() for future in (first, *later)] == [expected] * 5
    asking.shutdown()


@pytest.mark.slow
def test_a_long_question_does_not_hold_back_the_processes(tmp_path: Path) -> None:
    asked, go = AskedBundle(tiny_bundle.written(tmp_path)), threading.Event()
    expected = asked.ask(SAMPLES)
    asked.ask = lambda _: [go.wait(60)]  # type: ignore[method-assign,assignment,list-item]
    asking = processes.AskingProcesses(asked, 1, alone_seconds=0)
    slow = asking.ask(Question(0, SAMPLES))
    assert asking.ask(Question(2, SAMPLES)).result() == expected
    assert not slow.done()
    go.set()
    asking.shutdown()


@pytest.mark.slow
def test_what_is_imported_before_a_fork_starts_no_thread_of_onnx_runtime() -> None:
    code = f"import importlib, sys; [*map(importlib.import_module, {processes.IMPORTED_ONCE})]"
    done = run_python("-c", f"{code}; print('onnxruntime' in sys.modules)")
    assert done.stdout == "False\n", done.stderr


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
