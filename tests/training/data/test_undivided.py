"""A set that divides itself by rank or loader process gives all its samples: real loader processes and ranks."""

import io
import json
import os
import tarfile
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch.utils.data import get_worker_info

from tests.training import tiny
from tests.training.data.sources import source
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DataConfig
from torchferry.training.data.loaders import open_feed
from torchferry.training.data.order import GlobalBatches
from torchferry.training.data.source import Source
from torchferry.training.data.undivided import as_the_only_rank, become_the_only_process

SETS = "tests.training.data.user_sets"


def shards(folder: Path) -> str:
    """Four shards of three samples, whose classes count from 0."""
    for shard in range(4):
        with tarfile.open(folder / f"{shard}.tar", "w") as tar:
            for number in range(3 * shard, 3 * shard + 3):
                data = str(number).encode()
                header = tarfile.TarInfo(f"{number:02}.cls")
                header.size = len(data)
                tar.addfile(header, io.BytesIO(data))
    return f"{folder}/{{0..3}}.tar"


def divided(name: str, **args: Any) -> Source:
    both = {"name": f"{SETS}.{name}", "args": args}
    return source("dataset", train=both, test=both, labels=12, shape=[1], train_samples=12, test_samples=12)


def shares(stream: Source, rank: int, ranks: int, workers: int) -> list[list[int]]:
    """A rank's batches of an epoch: half of each four."""
    config = DataConfig(source=Component(name="digits"), batch_size=4, workers=workers)
    order = GlobalBatches(12, 4, 3, rank, ranks, order=lambda _seed, _epoch: np.arange(12))
    feed = open_feed(config, stream, order, tiny.task(labels=12), torch.device("cpu"))
    return [batch.targets.tolist() for batch in feed.epoch(0, 0)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # WebDataset closes no file
@pytest.mark.parametrize("name", ["Divided", "divided_shards"])
@pytest.mark.parametrize("workers", [0, 2])
def test_loader_processes_and_ranks_see_the_whole_stream(
    name: str, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = {"pattern": shards(tmp_path)} if name == "divided_shards" else {}
    assert shares(divided(name, **args), 0, 1, workers) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    for rank, first in ((0, 0), (1, 2)):
        monkeypatch.setenv("RANK", str(rank))
        monkeypatch.setenv("WORLD_SIZE", "2")
        stream = divided(name, **args)
        assert stream.test_size == 12
        assert shares(stream, rank, 2, workers) == [[start + first, start + first + 1] for start in (0, 4, 8)]


def test_a_set_that_looks_for_its_rank_when_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert shares(divided("Divided", early=True), 1, 2, 0) == [[2, 3], [6, 7], [10, 11]]


def test_the_environment_is_as_before_and_nothing_is_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setenv("SLURM_PROCID", "3")
    before = dict(os.environ)
    with as_the_only_rank():
        assert os.environ["SLURM_PROCID"] == "0"
        assert "WORLD_SIZE" not in os.environ
    assert dict(os.environ) == before


@pytest.mark.usefixtures("alone")
def test_a_forked_process_has_no_process_group_any_more() -> None:
    assert dist.is_initialized()
    child = os.fork()
    if child == 0:
        become_the_only_process()
        os._exit(dist.is_initialized() or get_worker_info() is not None)
    assert os.waitpid(child, 0)[1] == 0
    assert dist.is_initialized()


def test_a_set_that_divides_itself_by_torch_distributed(tmp_path: Path) -> None:
    """Two ranks that are forks, as the loader processes are theirs."""
    stream = divided("Divided")
    ranks = [os.fork() or rank_of(rank, tmp_path, stream) for rank in (0, 1)]
    assert [os.waitpid(rank, 0)[1] for rank in ranks] == [0, 0]
    for rank in (0, 1):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found == [[start + 2 * rank, start + 2 * rank + 1] for start in (0, 4, 8)]


def rank_of(rank: int, folder: Path, stream: Source) -> NoReturn:
    """Leaves what it saw in a file, and never returns to the test."""
    try:
        dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
        (folder / f"{rank}.json").write_text(json.dumps(shares(stream, rank, 2, 0)))
        os._exit(dist.get_world_size() - 2)
    finally:
        os._exit(1)
