"""MLServer: its settings are two files in the folder that it is started with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.servers.conftest import Start, Starts
from tests.benchmarks.servers.jobs import a_job
from torchferry.benchmarks.servers.environment import APPS
from torchferry.benchmarks.servers.mlserver import MLServer


def settings(start: Start, name: str) -> Any:
    return json.loads((start.folder / name).read_text())


def test_it_is_started_in_a_folder_with_its_settings(
    tmp_path: Path, installed: Callable[[str], Path], start_of: Starts
) -> None:
    environment = installed("mlserver")
    start = start_of(MLServer(a_job(tmp_path)))
    assert start.words == [str(environment / "bin" / "mlserver"), "start", str(start.folder)]
    assert start.environment["PYTHONPATH"] == str(APPS)
    found = settings(start, "settings.json")
    assert (found["host"], found["debug"]) == ("127.0.0.1", False)
    assert len({found[f"{kind}_port"] for kind in ("http", "grpc", "metrics")}) == 3


def test_its_model_is_the_bundles(tmp_path: Path, installed: Callable[[str], Path], start_of: Starts) -> None:
    installed("mlserver")
    job = a_job(tmp_path)
    found = settings(start_of(MLServer(job)), "model-settings.json")
    assert (found["name"], found["implementation"]) == ("tiny", "mlserver_app.OnnxRuntime")
    assert found["parameters"] == {"uri": str(job.model), "extra": {"threads": 2}}
    assert found["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 1, 2, 2]}]
    assert found["outputs"] == [{"name": "pixels", "datatype": "FP32", "shape": [-1, 4]}]


@pytest.mark.parametrize(("most", "batching"), [(1, (None, None)), (8, (8, 0.002))])
def test_its_batching_is_left_off_unless_asked_for(
    most: int,
    batching: tuple[float | None, ...],
    tmp_path: Path,
    installed: Callable[[str], Path],
    start_of: Starts,
) -> None:
    installed("mlserver")
    found = settings(start_of(MLServer(a_job(tmp_path, max_batch=most))), "model-settings.json")
    assert (found.get("max_batch_size"), found.get("max_batch_time")) == batching
