"""A bare loop: every pass has each sample once, shared by the processes, and the result is written at the end."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch.utils.data import TensorDataset

from tests.benchmarks.training.trainers.jobs import a_job, as_one_of
from torchferry.benchmarks.training.trainers.bare import Epoch, train


def shares(size: int, monkeypatch: pytest.MonkeyPatch, samples: int = 10) -> list[list[list[int]]]:
    """The samples of each batch, of each process in turn, in batches of four."""
    found = []
    for rank in range(size):
        as_one_of(size, monkeypatch, rank)
        monkeypatch.setattr(dist, "get_rank", lambda rank=rank: rank)
        truth = torch.arange(samples)
        epoch = Epoch(a_job(Path("unused"), batch_size=4), TensorDataset(truth.view(-1, 1, 1, 1), truth))
        batches = list(epoch)
        assert all(torch.equal(images.flatten(), mine) for images, mine in batches)
        found.append([mine.tolist() for _, mine in batches])
    return found


def test_the_processes_share_every_batch_and_none_gets_the_others_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    ((one,), (first, second)) = shares(1, monkeypatch), shares(2, monkeypatch)
    assert [left + right for left, right in zip(first, second, strict=True)] == one
    seen = [sample for batch in one for sample in batch]
    assert len(seen) == len(set(seen)) == 8  # two of ten fill no batch


def test_each_pass_has_another_order(monkeypatch: pytest.MonkeyPatch) -> None:
    as_one_of(1, monkeypatch)
    monkeypatch.setattr(dist, "get_rank", lambda: 0)
    truth = torch.arange(40)
    epoch = Epoch(a_job(Path("unused"), batch_size=40), TensorDataset(truth.view(-1, 1, 1, 1), truth))
    ((_, first),), ((_, second),) = list(epoch), list(epoch)
    assert first.tolist() != second.tolist()
    assert sorted(first.tolist()) == sorted(second.tolist()) == truth.tolist()


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process group of this process."""
    as_one_of(1, monkeypatch)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield
    dist.destroy_process_group()


@pytest.mark.usefixtures("alone")
def test_it_trains_and_writes_its_rate(tmp_path: Path) -> None:
    train(a_job(tmp_path / "result.json"))
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["samples_per_second"] > 0
    assert result["first_loss"] == pytest.approx(2.3, abs=0.3)  # of ten classes, before it has learnt
