"""A save is whole or named as failed, is told either way, and leaves the checkpoints before it alone."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp

from tests.training import tiny
from torchferry.errors import StoreError
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.async_saver import Saver
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.config.recipe import CheckpointConfig
from torchferry.training.distributed.process_group import cpu_group
from torchferry.training.progress import Progress

pytestmark = pytest.mark.usefixtures("alone")


@dataclass
class Told:
    """What a saver says of its saves."""

    seconds: list[float] = field(default_factory=list)
    failures: int = 0

    def failed(self) -> None:
        self.failures += 1


def saver_in(run_dir: Path, stored: RemoteRun | None = None, told: Told | None = None, **config: Any) -> Saver:
    told = told or Told()
    return Saver(
        folder=run_dir / "checkpoints",
        config=CheckpointConfig(**config),
        group=cpu_group(60),
        rank_info=tiny.ALONE,
        fingerprint="{}",
        stored=stored,
        saved=told.seconds.append,
        failed=told.failed,
    )


def state(value: float) -> dict[str, Any]:
    return {"weight": torch.full((2,), value)}


def loaded(folder: Path) -> list[float]:
    found = state(0)
    dcp.load(found, checkpoint_id=folder)
    values: list[float] = found["weight"].tolist()
    return values


def names(run_dir: Path) -> list[str]:
    return sorted(path.name for path in (run_dir / "checkpoints").iterdir())


@pytest.mark.parametrize(
    ("config", "epoch", "batch", "step", "due"),
    [
        ({}, 1, 0, 22, True),
        ({}, 1, 1, 23, False),
        ({"every_epochs": 2}, 1, 0, 22, False),
        ({"every_epochs": 2}, 2, 0, 44, True),
        ({"every_epochs": None}, 2, 0, 44, False),
        ({"every_steps": 10}, 0, 10, 10, True),
        ({"every_steps": 10}, 0, 11, 11, False),
        ({"every_epochs": 2, "every_steps": 11}, 1, 0, 22, True),
    ],
)
def test_a_checkpoint_is_due_after_so_many_steps_or_epochs(
    config: dict[str, Any], epoch: int, batch: int, step: int, due: bool, tmp_path: Path
) -> None:
    assert saver_in(tmp_path, **config).due(Progress(epoch=epoch, batch=batch, step=step)) == due


@pytest.mark.parametrize("asynchronous", [True, False])
def test_a_save_is_a_whole_checkpoint_of_what_was_and_is_told(asynchronous: bool, tmp_path: Path) -> None:
    told = Told()
    saver, mine, progress = saver_in(tmp_path, told=told, asynchronous=asynchronous), state(1), Progress(step=5)
    saver.save(mine, progress)
    assert (saver.thread is None) != asynchronous
    mine["weight"] += 7
    progress.step = 6
    saver.wait()
    path = tmp_path / "checkpoints" / "step-00000005"
    assert checkpoint.read_progress(path).step == 5
    assert loaded(path) == [1, 1]
    assert (len(told.seconds), told.failures, saver.error, saver.thread) == (1, 0, None, None)


def test_the_newest_stay_and_are_pointed_to(tmp_path: Path) -> None:
    saver = saver_in(tmp_path, keep=1)
    for step in (5, 6, 7):
        saver.save(state(step), Progress(step=step, best_step=5))
    saver.wait()
    assert names(tmp_path) == ["best", "latest", "step-00000005", "step-00000007"]
    assert (tmp_path / "checkpoints" / "latest").read_text() == "step-00000007\n"


@pytest.mark.parametrize(("policy", "words"), [("stop", "training stops"), ("continue", "training goes on without it")])
def test_a_save_that_fails_is_said_and_the_next_one_forgets_none(
    policy: str, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = Told()
    saver = saver_in(tmp_path, told=told, on_save_error=policy)
    saver.save(state(1), Progress(step=5))
    saver.wait()
    checkpoint.unfinished(saver.folder, 6).touch()  # where a folder has to be
    saver.save(state(2), Progress(step=6))
    saver.wait()
    said = capfd.readouterr().err
    assert "checkpoints: cannot write the checkpoint of step 6 (FileExistsError: " in said
    assert f"; {words}, the checkpoints before it are untouched\n" in said
    assert (saver.failures, told.failures, len(told.seconds)) == (1, 1, 1)
    assert saver.error is not None
    assert loaded(saver.folder / "step-00000005") == [1, 1]
    saver.save(state(3), Progress(step=7))
    saver.wait()
    assert loaded(saver.folder / "step-00000007") == [3, 3]
    assert (saver.failures, told.failures, len(told.seconds)) == (1, 1, 2)


def test_with_a_store_it_is_there_as_well_and_old_ones_go(tmp_path: Path) -> None:
    stored = RemoteRun(ObjectStore(f"file://{tmp_path}/store"), "digits", attempt=3)
    saver = saver_in(tmp_path, stored, keep=1)
    for step in (5, 6):
        saver.save(state(step), Progress(step=step))
    saver.wait()
    assert stored.checkpoints() == {"step-00000006.3.2": True}
    assert names(tmp_path) == ["latest", "step-00000006"]
    there = stored.checkpoint("step-00000006.3.2")
    there.get(there.checksums() or "", tmp_path / "fetched")
    assert loaded(tmp_path / "fetched") == [6, 6]


class Keeping(RemoteRun):
    """Its store keeps the old ones."""

    def prune(self, saved: str, *_: int) -> None:
        raise StoreError(0, "PermissionError: no", f"{self.url}/{saved}")


def test_a_store_that_does_not_remove_old_ones_is_no_failure(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    saver = saver_in(tmp_path, Keeping(ObjectStore(f"file://{tmp_path}/store"), "digits"))
    saver.save(state(5), Progress(step=5))
    saver.wait()
    assert "step-00000005.0.1: PermissionError: no; old checkpoints stay in the store\n" in capfd.readouterr().err
    assert (saver.failures, names(tmp_path)) == (0, ["latest", "step-00000005"])
