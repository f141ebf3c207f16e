"""TorchServe with a model that raises, requests in flight at shutdown, and random bodies."""

import io
import json
import random
import re
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import urllib3
from PIL import Image

from tests.commands import run_command
from tests.server import Server
from tests.serving import altered
from tests.waiting import wait_until
from torchferry.errors import ServerFault
from torchferry.serving.client import RestClient
from torchferry.serving.torchserve.unanswered import unanswered
from torchferry.serving.torchserve.worker_log import AT_ONCE

pytestmark = pytest.mark.server

MODEL = "digits-onnx-fp32"
NONSENSE = 2500
"""Requests in each half."""
BLACK = np.zeros((1, 1, 8, 8), np.uint8)
WHITE = np.full((1, 1, 8, 8), altered.FAILS_AT, np.uint8)


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def archived(bundle: Path, folder: Path, *how: object) -> Path:
    done = run_command("-m", "torchferry", "archive", bundle, "--output", folder, "--variants", "onnx-fp32", *how)
    assert done.returncode == 0, done.stderr
    return folder


def test_where_a_batch_fails_only_the_request_that_made_it_fail_is_a_500(bundle: Path, tmp_path: Path) -> None:
    how = ("--batch-size", 4, "--batch-delay-ms", 500)
    store = archived(altered.failing(bundle, made(tmp_path / "altered")), tmp_path / "store", *how)
    server = Server(store, folder=tmp_path)
    together = threading.Barrier(4)

    def ask(pixels: np.ndarray) -> str:
        with RestClient(addresses["rest"]) as client:
            together.wait()
            try:
                return str(client.infer(MODEL, {"image": pixels})["probabilities"].shape)
            except ServerFault as error:
                return str(error)

    try:
        addresses = server.wait_ready()
        with ThreadPoolExecutor(4) as threads:
            answers = list(threads.map(ask, [BLACK, WHITE, BLACK, BLACK]))
            assert len(set(threads.map(ask, [WHITE] * 10 * AT_ONCE))) == 1
        logged = re.search(r"log +(\S+)", server.log.read_text())
        assert logged
        printed = Path(logged[1]).read_text()
    finally:
        server.stop()
    assert [answers[0], *answers[2:]] == ["(1, 10)"] * 3
    assert "answered 500: the model cannot compute it" in answers[1]
    lines = [line for line in printed.splitlines() if "the model cannot compute an answer: " in line]
    assert "Reshape" in lines[0]
    assert AT_ONCE <= len(lines) < 5 * AT_ONCE
    assert "Traceback" not in printed


@pytest.fixture
def slow(bundle: Path, tmp_path: Path) -> Path:
    return archived(altered.slow(bundle, made(tmp_path / "altered")), tmp_path / "store")


def test_sigterm_lets_requests_in_flight_end(slow: Path, tmp_path: Path) -> None:
    server = Server(slow, folder=tmp_path)
    addresses = server.wait_ready()
    with ThreadPoolExecutor(3) as threads, RestClient(addresses["rest"]) as client:
        asked = [threads.submit(client.infer, MODEL, {"image": np.repeat(BLACK, 20, axis=0)}) for _ in range(3)]
        wait_until(lambda: unanswered(addresses["metrics"], "") > 1)
        server.process.send_signal(signal.SIGTERM)
        for future in asked:
            assert future.result()["probabilities"].shape == (20, 10)
    assert server.process.wait(60) == 0, server.log.read_text()


def test_a_second_signal_ends_it_at_once(slow: Path, tmp_path: Path) -> None:
    server = Server(slow, folder=tmp_path)
    addresses = server.wait_ready()
    with ThreadPoolExecutor(1) as threads, RestClient(addresses["rest"]) as client:
        asked = threads.submit(client.infer, MODEL, {"image": np.repeat(BLACK, 400, axis=0)})
        wait_until(lambda: unanswered(addresses["metrics"], "") > 0)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not server.ready_file.exists())
        server.process.send_signal(signal.SIGTERM)
        assert asked.exception() is not None
    assert server.process.wait(60) == 128 + signal.SIGTERM, server.log.read_text()


def test_what_a_killed_worker_had_is_not_waited_for(slow: Path, tmp_path: Path) -> None:
    server = Server(slow, folder=tmp_path)
    addresses = server.wait_ready()
    with ThreadPoolExecutor(1) as threads, RestClient(addresses["rest"]) as client:
        asked = threads.submit(client.infer, MODEL, {"image": np.repeat(BLACK, 400, axis=0)})
        wait_until(lambda: unanswered(addresses["metrics"], "") > 0)
        [worker] = workers_of(addresses)
        worker.kill()
        assert isinstance(asked.exception(), ServerFault)
    wait_until(lambda: unanswered(addresses["metrics"], "") == 0)
    server.stop()
    assert "dropped" not in server.log.read_text()


class Nonsense:
    """Bodies that are almost right, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        tensor = {"name": "image", "shape": [1, 1, 8, 8], "datatype": "UINT8", "data": [0] * 64}
        self.right = [json.dumps(content).encode() for content in ({"inputs": [tensor]}, {"instances": BLACK.tolist()})]
        for kind in ("PNG", "JPEG", "WEBP", "BMP"):
            Image.new("L", (8, 8), 100).save(file := io.BytesIO(), kind)
            self.right.append(file.getvalue())

    def body(self) -> bytes:
        body = bytearray(self.random.choice(self.right))
        match self.random.randrange(5):
            case 0:
                return bytes(body[: self.random.randrange(len(body))])
            case 1:
                for _ in range(self.random.randint(1, 9)):
                    body[self.random.randrange(len(body))] ^= 1 << self.random.randrange(8)
            case 2:
                at = self.random.randrange(len(body))
                odd = (b"NaN", b"Infinity", b"-1e999", b"[" * 3000, b'"\\u0000"', self.random.randbytes(30))
                body[at : at + self.random.randrange(9)] = self.random.choice(odd)
            case 3:
                return self.random.randbytes(self.random.randrange(300))
        return bytes(body)

    def headers(self) -> dict[str, str]:
        odd = {
            "Content-Type": ("image/png", "text/csv", "application/json", "video/mp4", "multipart/form-data", "\xe9"),
            "Inference-Header-Content-Length": ("0", "-1", "9" * 30, "x"),
            "X-Top-K": ("0", "x", "9" * 30),
            "X-Request-Start": ("nan", "0", "1e999", "x"),
            "Accept": ("application/octet-stream", "text/html"),
        }
        return {name: self.random.choice(odd[name]) for name in odd if self.random.random() < 0.15}


def test_nonsense_is_the_clients_fault_and_leaves_nothing_behind(addresses: dict[str, str]) -> None:
    statuses, sizes = Counter[int](), []
    workers = workers_of(addresses)
    for half in range(2):
        with ThreadPoolExecutor(4) as threads:
            for counted in threads.map(lambda seed: pour(addresses, Nonsense(seed)), range(4 * half, 4 * half + 4)):
                statuses += counted
        sizes.append(sum(worker.memory_info().rss for worker in workers))
    assert not {status for status in statuses if status >= 500}, statuses
    assert {200, 400, 415, 422} <= set(statuses)
    assert sum(statuses.values()) == 2 * NONSENSE
    assert workers_of(addresses) == workers
    assert sizes[1] < 1.1 * sizes[0]


def pour(addresses: dict[str, str], nonsense: Nonsense) -> Counter[int]:
    statuses, pool = Counter[int](), urllib3.PoolManager(timeout=60, retries=False)
    for _ in range(NONSENSE // 4):
        url = f"{addresses['rest']}/predictions/{MODEL}"
        answer = pool.request("POST", url, body=nonsense.body(), headers=nonsense.headers())
        statuses[answer.status] += 1
        if answer.status >= 500:
            print(answer.status, answer.data)
    return statuses


def workers_of(addresses: dict[str, str]) -> list[psutil.Process]:
    page = urllib3.request("GET", f"{addresses['management']}/models/{MODEL}").json()
    return [psutil.Process(worker["pid"]) for worker in page[0]["workers"]]
