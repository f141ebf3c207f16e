"""`torchferry train`: in one process, or in several that torchrun starts."""

import os
import time

import pytest
import torch

from tests.commands import RECIPES, run_command
from torchferry.errors import UserError
from torchferry.training.errors import RankError, SaidElsewhere
from torchferry.training.train_command import _launched, _refuse, _say_threads

QUICK = (
    "--config",
    RECIPES / "digits.yaml",
    "--max_steps",
    2,
    "--metrics.port",
    "null",
    "--metrics.tensorboard",
    "false",
)


@pytest.mark.parametrize(
    ("arguments", "processes", "rest"),
    [
        (["--config", "r.yaml"], None, ["--config", "r.yaml"]),
        (["--config", "r.yaml", "--nproc-per-node", "2"], "2", ["--config", "r.yaml"]),
        (["--nproc_per_node=gpu", "--seed", "7"], "gpu", ["--seed", "7"]),
        (["--nproc", "2"], None, ["--nproc", "2"]),
    ],
)
def test_the_number_of_processes_is_the_launchers(arguments: list[str], processes: str | None, rest: list[str]) -> None:
    assert _launched(arguments) == (processes, rest)


@pytest.mark.parametrize("number", ["0", "-1", "two", "1.5", ""])
def test_a_number_of_processes_that_is_none(number: str) -> None:
    with pytest.raises(UserError, match=f"--nproc-per-node: {number} is not valid; give 1 or more, auto, cpu or gpu"):
        _launched([f"--nproc-per-node={number}"])


def test_it_is_not_started_within_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(UserError, match="was itself started by torchrun"):
        _launched(["--nproc-per-node", "2"])


@pytest.mark.parametrize(("error", "says"), [(RankError("wrong"), "torchferry: wrong\n"), (SaidElsewhere("gone"), "")])
def test_a_rank_says_at_once_what_no_other_says_and_nothing_that_another_says(
    error: UserError, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits for the first rank"))
    assert _refuse(error) == 2
    assert capsys.readouterr().err == says


def test_a_wrong_recipe_starts_no_process() -> None:
    done = run_command("-m", "torchferry", "train", "--nproc-per-node", 2, *QUICK, "--epochs", "none")
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "epochs" in done.stderr


@pytest.mark.torchrun
def test_it_ends_with_the_launchers_exit_code(tmp_path: object) -> None:
    words = ("-m", "torchferry", "train", "--nproc-per-node", 2, *QUICK, "--runs_dir", tmp_path)
    done = run_command(*words, "--data.batch_size", 31)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("torchferry: data.batch_size: 31 cannot be shared by 2 ranks") == 1
    done = run_command(*words, OMP_NUM_THREADS="2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "digits: 2 x cpu" in done.stdout


def test_the_number_of_threads_is_said_where_it_had_to_be_assumed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    for _ in range(2):
        _say_threads()
    assert os.environ["OMP_NUM_THREADS"] == "1"
    assert capsys.readouterr().err == (
        "torchferry: each process computes on 1 thread; OMP_NUM_THREADS sets another number\n"
    )


def test_gpus_are_asked_for_where_there_are_some() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    done = run_command("-m", "torchferry", "train", "--nproc-per-node", "gpu", *QUICK)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "torchferry: --nproc-per-node: gpu: torch finds no GPU here; give a number, or cpu\n"
