"""KServe: its app gets the model and its tensors as metadata has them; it cannot batch."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.servers.conftest import Starts
from tests.benchmarks.servers.jobs import a_job
from torchferry.benchmarks.servers.environment import APPS, place
from torchferry.benchmarks.servers.kserve import KServe
from torchferry.benchmarks.servers.unavailable import Unavailable


def test_its_app_gets_the_model_and_its_tensors(
    tmp_path: Path, installed: Callable[[str], Path], start_of: Starts
) -> None:
    environment, job = installed("kserve"), a_job(tmp_path)
    start = start_of(KServe(job))
    assert start.words[:2] == [str(environment / "bin" / "python"), str(APPS / "kserve_app.py")]
    assert (start.option("--model"), start.option("--threads")) == (str(job.model), "2")
    assert start.option("--model_name") == "tiny"
    assert start.option("--http_port") != start.option("--grpc_port")
    assert json.loads(start.option("--tensors")) == {
        "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 1, 2, 2]}],
        "outputs": [{"name": "pixels", "datatype": "FP32", "shape": [-1, 4]}],
    }


def test_it_writes_no_line_for_each_request(tmp_path: Path, installed: Callable[[str], Path], start_of: Starts) -> None:
    installed("kserve")
    start = start_of(KServe(a_job(tmp_path)))
    assert start.option("--enable_latency_logging") == "false"
    assert start.environment["KSERVE_LOGLEVEL"] == "WARNING"


def test_where_batching_is_asked_for_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHFERRY_CACHE", str(tmp_path / "cache"))
    with pytest.raises(Unavailable, match="its batcher is in the agent, a sidecar of the cluster"):
        KServe(a_job(tmp_path, max_batch=2))
    assert not place("kserve").parent.exists()
