"""A trainer's job: each process's share, its device, and the same parts in every process."""

import sys
from itertools import islice
from pathlib import Path

import pytest
import torch

from tests.benchmarks.training.trainers.jobs import a_job, as_one_of
from torchferry.benchmarks.training.trainers.job import forever, optimizer, parse, parts


def test_a_command_line_becomes_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["--model", "digits", "--batch-size", "8", "--warmup", "1", "--steps", "2", "--result", "r.json"]
    monkeypatch.setattr(sys, "argv", ["trainer", *words])
    assert parse() == a_job(Path("r.json"))
    monkeypatch.setattr(sys, "argv", ["trainer", *words, "--channels-last", "--compile", "--precision", "bf16"])
    assert parse() == a_job(Path("r.json"), channels_last=True, compile=True, precision="bf16")


def test_a_batch_is_shared_by_all_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    as_one_of(4, monkeypatch)
    assert a_job(tmp_path, batch_size=64).share == 16


@pytest.mark.parametrize(("gpus", "device"), [(0, "cpu"), (1, "cpu"), (2, "cuda:1"), (8, "cuda:1")])
def test_gpus_are_used_where_each_process_has_one(
    gpus: int, device: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    as_one_of(2, monkeypatch, rank=1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    assert a_job(tmp_path).device == torch.device(device)


def test_every_process_begins_with_the_same_network_and_data(tmp_path: Path) -> None:
    (first, samples), (again, same) = (parts(a_job(tmp_path)) for _ in range(2))
    weights = first.state_dict()
    assert weights
    assert all(torch.equal(values, again.state_dict()[name]) for name, values in weights.items())
    assert len(samples) == 1437
    assert torch.equal(samples.tensors[0], same.tensors[0])


def test_channels_last_and_the_number_of_samples_are_as_asked(tmp_path: Path) -> None:
    network, samples = parts(a_job(tmp_path, model="resnet18", channels_last=True, samples=4))
    assert len(samples) == 4
    kernels = [values for values in network.parameters() if values.dim() == 4 and values.shape[2] > 1]
    assert kernels
    assert all(values.is_contiguous(memory_format=torch.channels_last) for values in kernels)


def test_the_optimizer_is_the_models_own(tmp_path: Path) -> None:
    made = optimizer(a_job(tmp_path), torch.nn.Linear(1, 1))
    assert type(made) is torch.optim.AdamW
    assert made.defaults["lr"] == 0.001


def test_passes_follow_each_other() -> None:
    assert list(islice(forever([1, 2]), 5)) == [1, 2, 1, 2, 1]
