"""Triton itself, with the repository that is exported.

Its wheel has no backend for ONNX Runtime. One in Python stands in, so that all is Triton's own but the session's call.
To install it takes minutes; TORCHFERRY_TEST_PEERS=all asks for it.
"""

import dataclasses
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.benchmarks.servers.jobs import a_job
from tests.ports import free_port
from tests.serving import tiny_bundle
from torchferry.benchmarks.servers.environment import site_packages
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.served import answers
from torchferry.benchmarks.servers.triton import MODEL, Triton
from torchferry.serving.export.formats.triton import write_triton

THREADS = """

class TritonPythonModel(TritonPythonModel):
    def initialize(self, args):
        config = json.loads(args["model_config"]) | {"parameters": {"threads": {"string_value": "1"}}}
        super().initialize(args | {"model_config": json.dumps(config)})
"""
"""The exported configuration says nothing of threads."""
ROWS = [0.25, 0.75, 0.5, 0.5]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Asks Triton's REST; it serves `one`, with at most one sample together, and `free`, with any number."""
    if os.environ.get("TORCHFERRY_TEST_PEERS") != "all":
        pytest.skip("TORCHFERRY_TEST_PEERS=all installs Triton")
    repository = tmp_path / "repository"
    for name, most in (("one", 1), ("free", None)):
        bundle = dataclasses.replace(tiny_bundle.written(tmp_path, name=name), max_batch=most)
        write_triton(bundle, tmp_path / name)
        shutil.copytree(tmp_path / name, repository, dirs_exist_ok=True)
    wheel = Triton(a_job(tmp_path / "job"))
    stand_in = wheel.backends / "onnxruntime"
    stand_in.mkdir()
    found = f"import sys; sys.path.insert(0, {str(site_packages(wheel.environment))!r})\n"
    (stand_in / "model.py").write_text(found + MODEL.read_text() + THREADS)
    command = [wheel.server / "bin" / "tritonserver", "--model-repository", repository]
    command += ["--backend-directory", wheel.backends, "--allow-metrics", "false", "--allow-grpc", "false"]
    port = free_port()
    command += ["--http-address", "127.0.0.1", "--http-port", port]
    url = f"http://127.0.0.1:{port}/v2"
    with process(command, tmp_path / "log", environment=wheel._libraries()) as running:
        running.until(lambda: answers(f"{url}/health/ready"))
        yield lambda path, body=None: json.load(urlopen(f"{url}/{path}", body and json.dumps(body).encode()))


def rows(count: int) -> dict[str, Any]:
    return {"inputs": [{"name": "row", "datatype": "FP32", "shape": [count, 2], "data": ROWS[: 2 * count]}]}


@pytest.mark.server
def test_a_bundle_whose_samples_must_not_meet_is_computed_one_by_one(asked: Callable[..., Any]) -> None:
    with ThreadPoolExecutor(12) as callers:
        answered = list(callers.map(lambda _: asked("models/one-onnx-fp32/infer", rows(1)), range(12)))
    assert [answer["outputs"][0]["data"] for answer in answered] == [ROWS[:2]] * 12
    (stats,) = asked("models/one-onnx-fp32/stats")["model_stats"]
    assert [(batch["batch_size"], batch["compute_infer"]["count"]) for batch in stats["batch_stats"]] == [(1, 12)]
    with pytest.raises(HTTPError) as refused:
        asked("models/one-onnx-fp32/infer", rows(2))
    assert b"batch-size must be <= 1 for 'one-onnx-fp32'" in refused.value.read()

    assert asked("models/free-onnx-fp32/infer", rows(2))["outputs"][0]["data"] == ROWS
    wanted = rows(1) | {"outputs": [{"name": "probabilities", "parameters": {"classification": 1}}]}
    assert asked("models/one-onnx-fp32/infer", wanted)["outputs"][0]["data"] == ["0.750000:1:yes"]
