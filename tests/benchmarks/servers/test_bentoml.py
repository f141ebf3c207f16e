"""BentoML: its service gets the job as arguments, listens on this machine alone and keeps its files in the folder."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmarks.servers.conftest import Starts
from tests.benchmarks.servers.jobs import a_job
from torchferry.benchmarks.servers.bentoml import BentoML
from torchferry.benchmarks.servers.environment import APPS


@pytest.mark.parametrize("most", [1, 8])
def test_its_service_gets_the_model_the_threads_and_the_batching(
    most: int, tmp_path: Path, installed: Callable[[str], Path], start_of: Starts
) -> None:
    environment, job = installed("bentoml"), a_job(tmp_path, max_batch=most)
    start = start_of(BentoML(job))
    python, *words = start.words
    assert python == str(environment / "bin" / "python")
    assert words[:4] == ["-m", "bentoml", "serve", "bentoml_app:Service"]
    assert (start.option("--working-dir"), start.option("--host")) == (str(APPS), "127.0.0.1")
    given = [value for name, value in itertools.pairwise(words) if name == "--arg"]
    assert given == [f"model={job.model}", "threads=2", f"max_batch={most}"]


def test_it_is_not_tracked_and_writes_into_the_folder(
    tmp_path: Path, installed: Callable[[str], Path], start_of: Starts
) -> None:
    installed("bentoml")
    start = start_of(BentoML(a_job(tmp_path)))
    assert Path(start.environment["BENTOML_HOME"]).parent == start.folder
    assert start.environment["BENTOML_DO_NOT_TRACK"] == "True"
