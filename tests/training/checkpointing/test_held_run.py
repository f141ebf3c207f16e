"""Two starts of one run, in processes of their own: the second is refused, and a killed one is in nobody's way."""

import json
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.commands import ROOT
from tests.forks import warm_python
from tests.training import tiny
from tests.waiting import wait_until
from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.held_run import held
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.distributed.process_group import RankInfo

RECIPE = """
name: held
data: {source: {name: tests.training.tiny.corners, args: {train: 256}}, batch_size: 4}
model: {name: torch.nn.Linear, args: {in_features: 3, out_features: 3}}
optimizer: {name: SGD, args: {lr: 0.1}}
epochs: 100000
checkpoint: {every_steps: 50}
metrics: {log_every: 50, port: null, tensorboard: false}
"""


def start(runs: Path, *options: str) -> subprocess.Popen[str]:
    (runs / "recipe.yaml").write_text(RECIPE)
    command = ["-m", "torchferry.training", "--config", str(runs / "recipe.yaml"), "--runs_dir", str(runs), *options]
    return subprocess.Popen(
        [warm_python(), *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def holder(run: Path) -> int:
    """The process, which is not the one that a test starts where a warm Python stands for it."""
    (lock,) = (run / ".lock").iterdir()
    return int(json.loads(lock.read_text())["pid"])


def test_the_second_start_is_refused_and_the_first_keeps_everything(tmp_path: Path) -> None:
    run = tmp_path / "held"
    first = start(tmp_path)
    try:
        wait_until(lambda: (run / "checkpoints" / "latest").is_file())
        rows = (run / "metrics.jsonl").read_text()
        second = start(tmp_path)
        _, errors = second.communicate()
        assert second.returncode == 2
        (line,) = errors.splitlines()
        assert line.startswith(f"torchferry: {run}: is in use by process {holder(run)} on ")
        assert line.endswith("; wait for its end, or give another --name")
        assert (run / "metrics.jsonl").read_text().startswith(rows)
        assert len((run / "attempts.jsonl").read_text().splitlines()) == 1
        # A store of its own makes no other folder of it.
        third = start(tmp_path, "--checkpoint.store", f"file://{tmp_path}/store")
        assert "is in use by process" in third.communicate()[1]
        first.send_signal(signal.SIGTERM)
        assert first.wait() == 143
        assert not (run / ".lock").exists()
    finally:
        first.kill()
        first.communicate()


def test_a_killed_run_goes_on_at_once(tmp_path: Path) -> None:
    run = tmp_path / "held"
    first = start(tmp_path)
    wait_until(lambda: (run / "checkpoints" / "latest").is_file())
    os.kill(holder(run), signal.SIGKILL)
    first.communicate()
    assert (run / ".lock").exists()
    second = start(tmp_path, "--max_steps", "60")
    output, errors = second.communicate()
    assert (second.returncode, errors) == (0, "")
    assert "goes on after step" in output or "is finished" in output
    assert not (run / ".lock").exists()


def test_where_a_store_is_it_counts_whatever_the_folder(alone: RankInfo, url: str, tmp_path: Path) -> None:
    stored = RemoteRun(ObjectStore(url), "digits")
    with held(tmp_path / "here", stored, alone) as holds:
        holds.check()
        with (
            pytest.raises(
                UserError, match=rf"^{url}/digits: is in use by process {os.getpid()} on ".replace("file://", "")
            ),
            held(tmp_path / "there", stored, alone),
        ):
            pass
        assert not (tmp_path / "there").exists()
    assert stored.store.paths("digits") == []
    assert not (tmp_path / "here").exists()


def test_other_ranks_hold_nothing_and_hear_of_a_refusal(alone: RankInfo, tmp_path: Path) -> None:
    with held(tmp_path / "run", None, replace(alone, rank=1)) as holds:
        assert not holds.locks


def test_a_store_without_such_a_file_is_said(
    alone: RankInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ObjectStore, "exclusive", False)
    stored = RemoteRun(ObjectStore(f"file://{tmp_path}/store"), "digits")
    with held(tmp_path / "run", stored, alone) as holds:
        assert len(holds.locks) == 1
    said = capfd.readouterr().err
    assert said == (
        f"torchferry: {stored.url}: its store cannot keep two runs apart, so see that no other has this name there\n"
    )


def test_a_folder_that_cannot_be_made_is_left_to_who_writes_there(alone: RankInfo, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with held(tmp_path / "file" / tiny.recipe().name, None, alone) as holds:
        assert not holds.locks
