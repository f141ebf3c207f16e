"""Signals are heard by a thread, also while the event loop is inside of a session that does not end."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.endless import ENDLESS, endless
from tests.serving.tiny_bundle import FILE
from torchferry.serving.onnx_server.stop_signals import STOPS

SERVES = f"""
import asyncio, sys
import numpy as np
from torchferry.serving.onnx_server import stop_signals
from torchferry.serving.session.onnx_session import OnnxSession
stop_signals.LAST_SECONDS = 0.2

async def main(how, path):
    stop = asyncio.Event()
    stop_signals.listen_for_stop(stop, 60 if how == "drains" else 0.2)
    print("listens", flush=True)
    if how == "computes":
        OnnxSession(path, ["row"], ["probabilities"], 1).run({{"row": np.array({ENDLESS}, np.float32)}})
    await stop.wait()
    print("stops", flush=True)
    if how == "drains":
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""


def started(how: str, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", SERVES, how, str(endless(folder).root / FILE)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "listens\n"
    return process


@pytest.mark.parametrize("number", STOPS)
def test_the_first_one_says_stop(tmp_path: Path, number: signal.Signals) -> None:
    process = started("ends", tmp_path)
    process.send_signal(number)
    assert process.communicate(timeout=60) == ("stops\n", "")
    assert process.returncode == 0


def test_the_second_one_ends_the_process_at_once(tmp_path: Path) -> None:
    process = started("drains", tmp_path)
    process.terminate()
    assert process.stdout
    assert process.stdout.readline() == "stops\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=50)
    assert process.returncode == 128 + signal.SIGINT


def test_a_loop_that_hears_nothing_is_ended_when_its_drain_is_over(tmp_path: Path) -> None:
    process = started("computes", tmp_path)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (
        1,
        "torchferry: the server did not end within --drain-timeout, and is ended\n",
    )
