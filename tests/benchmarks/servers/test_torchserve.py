"""TorchServe with our handler: of one store, alone or behind nginx, with one worker or one for each core."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.servers.conftest import Starts
from tests.benchmarks.servers.jobs import a_job
from torchferry.benchmarks.servers.peer import Job
from torchferry.benchmarks.servers.torchserve import BehindNginx, BehindNginxByCores, TorchServe


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """Its archives are made already."""
    for workers in (1, 2):
        store = tmp_path / f"model-store-{workers}"
        store.mkdir()
        (store / "tiny-onnx-fp32.mar").touch()
    return a_job(tmp_path)


@pytest.mark.parametrize(
    ("peer", "workers", "threads", "gateway"),
    [(TorchServe, 1, 2, "none"), (BehindNginx, 1, 2, "nginx"), (BehindNginxByCores, 2, 1, "nginx")],
)
def test_cores_go_to_the_threads_of_one_worker_or_to_a_worker_each(
    peer: Any, workers: int, threads: int, gateway: str, job: Job, start_of: Starts
) -> None:
    made = peer(job)
    assert (made.workers, made.threads) == (workers, threads)
    start = start_of(made)
    assert start.words[1:6] == ["-m", "torchferry", "up", "--runtime", "torchserve"]
    assert start.words[6] == str(job.folder / f"model-store-{workers}")
    assert (start.option("--gateway"), start.option("--threads")) == (gateway, str(threads))


def test_it_chooses_its_ports_and_says_them(job: Job, start_of: Starts) -> None:
    start = start_of(TorchServe(job))
    assert start.words[0] == sys.executable
    assert start.option("--ready-file") == str(start.folder / "ready.json")
    assert [start.option(f"--{of}port") for of in ("", "grpc-", "metrics-")] == ["0"] * 3
