"""A finished run keeps the checkpoints that somebody needs, on the disk and in the store."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.keep_finished import default_of, keep_finished
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.config.recipe import CheckpointConfig
from torchferry.training.progress import Progress

ENDED = Progress(step=40, best=0.9, best_step=20)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Ended at step 40, where the best was after 20."""
    run = tmp_path / "digits"
    for step in (20, 30, 40):
        path = run / "checkpoints" / checkpoint.name_of(step)
        path.mkdir(parents=True)
        (path / "state.json").write_text(json.dumps(asdict(Progress(step=step))))
    for pointer, step in (("latest", 40), ("best", 20)):
        (run / "checkpoints" / pointer).write_text(f"{checkpoint.name_of(step)}\n")
    return run


@pytest.fixture
def stored(tmp_path: Path) -> RemoteRun:
    stored = RemoteRun(ObjectStore(f"file://{tmp_path}/store"), "digits")
    for name in ("step-00000020.1.1", "step-00000030.1.2", "step-00000040.1.3"):
        stored.store.write(f"digits/checkpoints/{name}/__0_0.distcp", b"")
        stored.checkpoint(name).complete("{}")
    return stored


def steps(run: Path) -> list[int]:
    return [int(path.name.removeprefix("step-")) for path in checkpoint.newest_first(run / "checkpoints")]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({}, [40]),
        ({"keep": 3}, [40, 30, 20]),
        ({"keep": 3, "keep_finished": "last"}, [40]),
        ({"export": "best"}, [40, 20]),
        ({"keep_finished": "last", "export": "best"}, [40]),
        ({"keep_finished": "best"}, [40, 20]),
        ({"keep_finished": "all"}, [40, 30, 20]),
    ],
)
def test_what_stays_is_what_was_asked_for(given: dict[str, Any], kept: list[int], run: Path, stored: RemoteRun) -> None:
    keep_finished(run, CheckpointConfig(**given), ENDED, stored)
    assert steps(run) == kept
    assert [int(name.split(".")[0].removeprefix("step-")) for name in stored.checkpoints()] == kept
    assert (run / "checkpoints" / "latest").read_text() == "step-00000040\n"
    assert (run / "checkpoints" / "best").exists() == (20 in kept)


def test_the_last_one_may_be_the_best(run: Path) -> None:
    (run / "checkpoints" / "best").write_text("step-00000040\n")
    keep_finished(run, CheckpointConfig(), Progress(step=40, best=0.9, best_step=40), None)
    assert steps(run) == [40]
    assert (run / "checkpoints" / "best").exists()


def test_where_the_last_one_is_missing_nothing_goes(run: Path) -> None:
    keep_finished(run, CheckpointConfig(), Progress(step=50), None)
    assert steps(run) == [40, 30, 20]


def test_what_cannot_be_removed_is_said(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("shutil.rmtree", refused)
    keep_finished(run, CheckpointConfig(), ENDED, None)
    assert capsys.readouterr().err == (
        f"torchferry: [Errno 13] Permission denied: '{run}/checkpoints/step-00000030'; old checkpoints stay\n"
    )


def test_a_default_keeps_what_somebody_needs() -> None:
    assert default_of(CheckpointConfig()) == "last"
    assert default_of(CheckpointConfig(export="best")) == "best"
    assert default_of(CheckpointConfig(keep=3, export="best")) == "all"
