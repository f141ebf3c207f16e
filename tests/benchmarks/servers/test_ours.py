"""Our server: the variant in the bundle, with the job's threads and batching, on ports that it chooses itself."""

import sys
from pathlib import Path

import pytest

from tests.benchmarks.servers.conftest import Starts
from tests.benchmarks.servers.jobs import a_job
from torchferry.benchmarks.servers.ours import Ours


def test_it_serves_the_variant_with_the_threads_of_the_job(tmp_path: Path, start_of: Starts) -> None:
    job = a_job(tmp_path)
    start = start_of(Ours(job))
    assert start.words[:6] == [sys.executable, "-m", "torchferry", "up", "--runtime", "onnx"]
    assert start.words[6] == f"{job.bundle.root}:onnx-fp32"
    assert start.option("--threads") == "2"
    assert start.option("--ready-file") == str(start.folder / "ready.json")
    assert [start.option(f"--{of}port") for of in ("", "grpc-", "metrics-", "admin-")] == ["0"] * 4


@pytest.mark.parametrize(("most", "delay_ms"), [(1, "0"), (8, "2")])
def test_a_request_waits_for_others_only_where_it_batches(
    most: int, delay_ms: str, tmp_path: Path, start_of: Starts
) -> None:
    start = start_of(Ours(a_job(tmp_path, max_batch=most)))
    assert (start.option("--max-batch"), start.option("--max-delay-ms")) == (str(most), delay_ms)
