"""Ray Serve: its app gets the job, writes into the round's folder, and tells nobody of its use."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.servers.conftest import Starts
from tests.benchmarks.servers.jobs import a_job
from torchferry.benchmarks.servers.environment import APPS
from torchferry.benchmarks.servers.ray_serve import RayServe


@pytest.mark.parametrize("most", [1, 8])
def test_its_app_gets_the_model_the_threads_a_folder_and_the_batching(
    most: int, tmp_path: Path, installed: Callable[[str], Path], start_of: Starts
) -> None:
    environment, job = installed("ray-serve"), a_job(tmp_path, max_batch=most)
    start = start_of(RayServe(job))
    *command, port, folder, batch, delay_ms = start.words
    assert command == [str(environment / "bin" / "python"), str(APPS / "ray_serve_app.py"), str(job.model), "2"]
    assert 0 < int(port) < 65536
    assert (folder, batch, delay_ms) == (str(start.folder), str(most), "2")


def test_it_reports_no_use_and_keeps_no_token(
    tmp_path: Path, installed: Callable[[str], Path], start_of: Starts
) -> None:
    installed("ray-serve")
    environment = start_of(RayServe(a_job(tmp_path))).environment
    assert (environment["RAY_USAGE_STATS_ENABLED"], environment["RAY_AUTH_MODE"]) == ("0", "disabled")
