"""LitServe: its app is started by its own interpreter with the model, the threads and the batching of the job."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.servers.conftest import Starts
from tests.benchmarks.servers.jobs import a_job
from torchferry.benchmarks.servers.environment import APPS
from torchferry.benchmarks.servers.litserve import LitServe


@pytest.mark.parametrize("most", [1, 8])
def test_its_app_gets_the_model_the_threads_and_the_batching(
    most: int, tmp_path: Path, installed: Callable[[str], Path], start_of: Starts
) -> None:
    environment, job = installed("litserve"), a_job(tmp_path, max_batch=most)
    *command, port, batch, delay_ms = start_of(LitServe(job)).words
    assert command == [str(environment / "bin" / "python"), str(APPS / "litserve_app.py"), str(job.model), "2"]
    assert 0 < int(port) < 65536
    assert (batch, delay_ms) == (str(most), "2")
