"""Graphs that compute for ever: their requests end at their deadlines, and the process when it is told to."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from tests.commands import run_command
from tests.serving.endless import ENDLESS, ENDS, endless
from tests.serving.onnx_server.asking import ask, tensor
from tests.serving.onnx_server.conftest import StartServer
from tests.waiting import wait_until

INFER = "/v2/models/endless/infer"


def status(server: str, row: list[list[float]]) -> int:
    return ask(server, INFER, {"inputs": [tensor("row", np.array(row, np.float32))]}).status


@pytest.mark.parametrize("sessions", [1, 2], ids=["in the loop", "in threads"])
def test_what_computes_for_ever_is_ended_at_its_deadline_and_the_next_is_answered(
    start_server: StartServer, tmp_path: Path, sessions: int
) -> None:
    options = ("--sessions", sessions, "--timeout", 3, "--drain-timeout", 1)
    server = start_server(endless(tmp_path).root, options=options)
    rest = server.wait_ready()["rest"]
    with ThreadPoolExecutor(3) as pool:
        endless_ones = [pool.submit(status, rest, ENDLESS) for _ in range(sessions)]
        assert [asked.result() for asked in endless_ones] == [504] * sessions
        assert status(rest, ENDS) == 200
        assert "Traceback" not in server.log.read_text()
        pool.submit(status, rest, ENDLESS)
        wait_until(lambda: ask(rest, "/v2/models/endless/stats").status == 200)
        server.process.terminate()
        assert server.process.wait(60) == 0, server.log.read_text()


@pytest.mark.server
def test_what_is_not_loaded_in_its_time_is_said_in_one_line(tmp_path: Path) -> None:
    root = endless(tmp_path, at_load=True).root
    ports = [word for port in ("--port", "--grpc-port", "--metrics-port", "--admin-port") for word in (port, 0)]
    done = run_command("-m", "torchferry", "up", "--runtime", "onnx", root, *ports, "--load-timeout", 0.5)
    assert done.returncode == 2
    said = "torchferry: endless 1.0: was not loaded and checked within 0.5 s; --load-timeout gives it more\n"
    assert done.stderr == said


def test_a_signal_while_it_loads_ends_it(start_server: StartServer, tmp_path: Path) -> None:
    server = start_server(endless(tmp_path, at_load=True).root, options=("--drain-timeout", 60))
    process = psutil.Process(server.process.pid)
    wait_until(lambda: len([each for each in process.net_connections() if each.status == psutil.CONN_LISTEN]) >= 4)
    server.process.terminate()
    assert server.process.wait(30) in (0, 143), server.log.read_text()
