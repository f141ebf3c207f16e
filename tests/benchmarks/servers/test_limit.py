"""The limit: its app gets the model, the threads and the batching of the job, and answers by the same protocol."""

import sys
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.servers.conftest import Starts
from tests.benchmarks.servers.jobs import PIXELS, a_job
from torchferry.benchmarks.servers.environment import APPS
from torchferry.benchmarks.servers.limit import Limit


@pytest.mark.parametrize("most", [1, 8])
def test_its_app_gets_the_model_the_threads_and_the_batching(most: int, tmp_path: Path, start_of: Starts) -> None:
    job = a_job(tmp_path, max_batch=most)
    *command, port, name, batch = start_of(Limit(job)).words
    assert command == [sys.executable, str(APPS / "limit_app.py"), str(job.model), "2"]
    assert 0 < int(port) < 65536
    assert (name, batch) == ("tiny", str(most))


def test_only_what_it_imports_is_its_size(tmp_path: Path) -> None:
    assert 50e6 < Limit(a_job(tmp_path)).disk_bytes() < 300e6  # without torch, which is in the same environment


@pytest.mark.server
def test_it_answers_the_golden_inputs_by_the_protocol_of_the_others(tmp_path: Path) -> None:
    with Limit(a_job(tmp_path)).serving(tmp_path) as running:
        np.testing.assert_array_equal(running.golden["pixels"], PIXELS)
        assert (running.protocol, running.workers, running.threads) == ("rest-binary", 1, 2)
        assert running.server.startswith("limit of onnxruntime ")
