"""Workloads of the training benchmarks from command-line options, and the options that are refused."""

import os
from pathlib import Path

import pytest

from tests.benchmarks.training.given import options, workload
from torchferry.benchmarks.training.workload import Workload, check, cores_each, workloads
from torchferry.errors import UserError


def ask(folder: Path, words: list[str]) -> list[Workload]:
    given = options(folder, words)
    check(given)
    return workloads(given)


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


def test_every_model_runs_at_every_number_of_processes_with_one_batch(tmp_path: Path) -> None:
    found = ask(tmp_path, ["--warmup", "5"])
    assert found == [
        workload(model=model, processes=processes, threads=8 // processes, steps=steps)
        for model, steps in (("digits", 600), ("resnet18", 60))
        for processes in (1, 2)
    ]


def test_what_is_asked_for_is_done(tmp_path: Path) -> None:
    words = (
        "--models resnet18 --processes 3 --threads 5 --steps 7 --warmup 2 --batch-size 12 --samples 24 --log-every 4"
    )
    (found,) = ask(tmp_path, [*words.split(), "--precision", "bf16", "--channels-last", "--compile"])
    numbers = {"processes": 3, "threads": 5, "steps": 7, "warmup": 2, "batch_size": 12, "samples": 24, "log_every": 4}
    assert found == workload(model="resnet18", precision="bf16", channels_last=True, compile=True, **numbers)


@pytest.mark.parametrize(("processes", "cores"), [(1, 8), (3, 2), (8, 1), (16, 1)])
def test_the_cores_are_shared_out_and_none_goes_without(processes: int, cores: int) -> None:
    assert cores_each(processes) == cores


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            "--models digits,nobody",
            "argument --models: there is no model 'nobody'; choose of digits, resnet18, tiny, resnet50",
        ),
        ("--processes two", "argument --processes: 'two' is not a whole number, nor several with commas"),
        ("--processes 1,0", "argument --processes: 0 is too small; give 1 or more"),
        ("--processes 3", "--batch-size: 64 cannot be shared by 3 processes; give a multiple"),
        ("--batch-size 4096", "--batch-size: 4096 is more than the 1437 training samples of digits"),
        (
            "--models resnet18 --batch-size 64 --samples 32",
            "--batch-size: 64 is more than the 32 training samples of resnet18",
        ),
        ("--samples 99", "--samples: digits are real data"),
        ("--rounds 0", "--rounds: 0 is too small; give 1 or more"),
        ("--log-every -1", "--log-every: -1 is too small; give 1 or more"),
        ("--output /nowhere/x.json", "--output: /nowhere is not a folder; make it first"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, words: str, says: str) -> None:
    with pytest.raises(UserError) as refused:
        ask(tmp_path, words.split())
    assert str(refused.value).startswith(says)


def test_the_folder_for_runs_is_made_where_that_is_possible(tmp_path: Path) -> None:
    given = options(tmp_path)
    check(given)
    assert given.scratch.is_dir()
    (tmp_path / "file").touch()
    given.scratch = tmp_path / "file" / "scratch"
    with pytest.raises(UserError, match=r"^--scratch: .*/file/scratch cannot be made \(Not a directory\)$"):
        check(given)
