"""Requests that a worker computes together, and what one of them does to the others."""

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import urllib3

from tests.commands import run_command
from tests.server import Server
from tests.serving.onnx_server.asking import tensor
from tests.serving.texts_bundle import expected, texts, written_texts

MODEL = "digits-onnx-fp32"
TOGETHER = 8


@pytest.fixture(scope="module")
def batching(starts_server: None, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server with the digits and `texts`, whose workers take up to eight requests at once, and wait a second
    for them."""
    folder = tmp_path_factory.mktemp("batching")
    how = ("--variants", "onnx-fp32", "--batch-size", TOGETHER, "--batch-delay-ms", 1000)
    for root in (bundle, written_texts(folder).root):
        done = run_command("-m", "torchferry", "archive", root, "--output", folder / "store", *how)
        assert done.returncode == 0, done.stderr
    server = Server(folder / "store", folder=folder, options=("--timeout", "5"))
    try:
        yield server.wait_ready()
    finally:
        server.stop()


def ask_all(
    addresses: dict[str, str], requests: list[tuple[bytes, dict[str, str]]], model: str = MODEL
) -> list[urllib3.BaseHTTPResponse]:
    """All at the same moment."""
    pool, together = urllib3.PoolManager(maxsize=len(requests)), threading.Barrier(len(requests))

    def ask(request: tuple[bytes, dict[str, str]]) -> urllib3.BaseHTTPResponse:
        together.wait()
        body, headers = request
        return pool.request("POST", f"{addresses['rest']}/predictions/{model}", body=body, headers=headers)

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(ask, requests))


def test_texts_of_other_lengths_are_each_answered_as_if_alone(batching: dict[str, str]) -> None:
    asked = texts(TOGETHER, longest=12)
    bodies = [json.dumps({"inputs": [tensor("ids", ids)]}).encode() for ids in asked]
    answers = ask_all(batching, [(body, {}) for body in bodies], "texts-onnx-fp32")
    for answer, ids in zip(answers, asked, strict=True):
        assert answer.status == 200, answer.data
        for output in answer.json()["outputs"]:
            wanted = expected(ids)[output["name"]]
            np.testing.assert_allclose(np.reshape(output["data"], output["shape"]), wanted, atol=1e-4)
    page = urllib3.request("GET", batching["metrics"]).data.decode()
    of = 'model="texts-onnx-fp32",version="1.0"}'
    assert f"torchferry_serve_padding_elements_total{{{of} 0.0" not in page
    assert f"torchferry_serve_padding_elements_total{{{of}" in page


def test_each_of_a_batch_gets_its_own_status_and_nobody_is_harmed(batching: dict[str, str], samples: Path) -> None:
    image = next(samples.glob("*/*.png")).read_bytes()
    alone = ask_all(batching, [(image, {})])[0].json()
    late = {"X-Request-Start": f"{time.time() - 6:.3f}"}
    requests = [(image, {}), (b"garbage", {}), (image, {}), (b"x", {"Content-Type": "video/mp4"})]
    requests += [(b'{"inputs": []}', {}), (image, {}), (image[:40], {}), (image, late)]
    answers = ask_all(batching, requests)
    assert [answer.status for answer in answers] == [200, 400, 200, 415, 422, 200, 400, 504]
    for answer in answers:
        if answer.status == 200:
            assert answer.json()["label"] == alone["label"]
            assert answer.json()["probability"] == pytest.approx(alone["probability"], abs=1e-6)
        else:
            assert set(answer.json()) == {"error", "code", "detail"}
    page = urllib3.request("GET", batching["metrics"]).data.decode()
    assert 'outcome="deadline",protocol="predictions",version="1.0"} 1.0' in page


def test_a_count_that_is_none_is_refused(bundle: Path, tmp_path: Path) -> None:
    for option in ("--workers", "--batch-size", "--batch-delay-ms"):
        done = run_command("-m", "torchferry", "archive", bundle, "--output", tmp_path / "store", option, "0")
        assert (done.returncode, f"{option}: 0 is not a whole number above 0" in done.stderr) == (2, True), done.stderr
    assert not (tmp_path / "store").exists()
