"""A checkpoint is read and never run: its list of entries, and each entry that is no tensor."""

import collections
import io
import json
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.algorithms.ddp_comm_hooks.powerSGD_hook import PowerSGDState
from torch.optim import lr_scheduler

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.files import sha256
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.checkpoint_reader import (
    METADATA,
    CheckpointReader,
    check_readable,
    files_of,
    read_entry,
)
from torchferry.training.checkpointing.download import download_newest
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.config.recipe import OptimizerConfig, ScheduleConfig
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.progress import Progress
from torchferry.training.state import _Kept
from torchferry.training.trainer.lr_schedule import build_schedule
from torchferry.training.trainer.train_state import collect, restore
from torchferry.training.trainer.wrap_ddp import assemble


class Planted:
    """Writes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def in_the_list(folder: Path, trace: Path) -> str:
    file = folder / METADATA
    metadata = pickle.loads(file.read_bytes())
    metadata.planner_data["planted"] = Planted(trace)
    file.write_bytes(pickle.dumps(metadata))
    return METADATA


def in_an_entry(folder: Path, trace: Path) -> str:
    """The schedule becomes something else of which only the place and the length are as they were written."""
    listed = pickle.loads((folder / METADATA).read_bytes())
    written = io.BytesIO()
    torch.save(Planted(trace), written)
    index = next(index for index in listed.storage_data if index.fqn == "schedule")
    (shard,) = folder.glob("*.distcp")
    stored = listed.storage_data[index]
    stored.offset, stored.length = shard.stat().st_size, len(written.getvalue())
    with shard.open("ab") as file:
        file.write(written.getvalue())
    (folder / METADATA).write_bytes(pickle.dumps(listed))
    return shard.name


@pytest.fixture
def saved(alone: RankInfo, tmp_path: Path) -> Path:
    """A whole checkpoint of a run that stands at step 0."""
    folder, progress = tmp_path / "run" / "checkpoints", Progress(step=0)
    step = assemble(tiny.build(runs_dir=tmp_path))
    dcp.save(collect(step, alone, torch.zeros(2)), checkpoint_id=checkpoint.unfinished(folder, 0))
    checkpoint.complete(folder, progress, "{}", keep=1)
    return folder / checkpoint.name_of(0)


def sign(folder: Path) -> None:
    """As somebody does who may write there."""
    files = (file for file in folder.iterdir() if file.name != "checksums.json")
    checkpoint.write_checksums(folder, {file.name: sha256(file) for file in files})


@pytest.mark.parametrize("plant", [in_the_list, in_an_entry])
@pytest.mark.parametrize("place", ["folder", pytest.param("bucket", marks=pytest.mark.server)])
def test_what_is_planted_is_named_and_does_not_run(
    plant: Callable[[Path, Path], str], place: str, saved: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    trace = tmp_path / "trace"
    file = plant(saved, trace)
    sign(saved)
    path: Path | None = saved
    if place == "bucket":
        stored = RemoteRun(ObjectStore(request.getfixturevalue("bucket")), "digits")
        there = stored.checkpoint("step-00000000.1.1")
        for name in json.loads((saved / "checksums.json").read_text()):
            there.put(saved / name, name)
        there.complete((saved / "checksums.json").read_text())
        path = download_newest(stored, tmp_path / "node", tiny.ALONE, keep=1)
        assert path is not None
    assert path is not None
    progress = checkpoint.read_progress(path)  # whole, as far as checksums tell
    step = assemble(tiny.build(runs_dir=tmp_path))
    with pytest.raises(UserError, match=f"{path / file}: (names|holds) posix.mkdir, which is no part of a checkpoint"):
        restore(path, progress, step, tiny.ALONE, torch.zeros(2))
    assert not trace.exists()


@pytest.mark.usefixtures("saved")
def test_the_planted_would_run_without_us(saved: Path, tmp_path: Path) -> None:
    in_the_list(saved, tmp_path / "trace")
    dcp.FileSystemReader(saved).read_metadata()
    assert (tmp_path / "trace").is_dir()


@pytest.mark.parametrize(
    "named", [b"cbuiltins\neval\n.", b"ctorch\nload\n.", b"\x80\x04\x8c\x05torch\x8c\x0cSize.__new__\x93.", b"P1\n."]
)
def test_a_list_names_the_classes_of_lists_alone(named: bytes, tmp_path: Path) -> None:
    (tmp_path / METADATA).write_bytes(named)
    with pytest.raises(UserError, match=f"{tmp_path / METADATA}: (names|is no list)"):
        CheckpointReader(tmp_path).read_metadata()


@pytest.mark.parametrize("content", [b"", b"\xff", b"N.", b"\x80\x04]."])
def test_a_list_that_is_damaged_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / METADATA).write_bytes(content)
    with pytest.raises(UserError, match=f"{tmp_path / METADATA}: cannot be read") as refused:
        CheckpointReader(tmp_path).read_metadata()
    assert "\n" not in str(refused.value)


def test_a_list_leads_nowhere_else(saved: Path) -> None:
    assert files_of(saved) == {"__0_0.distcp"}
    listed = pickle.loads((saved / METADATA).read_bytes())
    next(iter(listed.storage_data.values())).relative_path = "../../secret"
    (saved / METADATA).write_bytes(pickle.dumps(listed))
    with pytest.raises(UserError, match=r"names \.\./\.\./secret, which is no file of this checkpoint"):
        files_of(saved)


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps(3)])
def test_an_entry_that_is_damaged_is_one_line(content: bytes) -> None:
    with pytest.raises(UserError, match=r"^shard: cannot be read: ") as refused:
        read_entry(content, "shard")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "value",
    [
        3,
        [1.5, None, "text", (True, 2)],
        random.getstate(),
        collections.Counter([1, 1, 2]),
        np.float64(0.5),
        {"nested": {"weights": [1]}},
    ],
)
def test_what_a_run_keeps_is_read_back(value: Any) -> None:
    written = io.BytesIO()
    torch.save(_Kept(value), written)
    found = read_entry(written.getvalue(), "shard").content
    assert (found, type(found)) == (value, type(value))


def test_generators_of_numpy_are_read_back() -> None:
    state = np.random.get_state()
    comm = PowerSGDState(None, 2)
    expected = np.random.random(), comm.rng.random()
    written = io.BytesIO()
    before = PowerSGDState(None, 2).__getstate__()
    torch.save((state, before), written)
    found, rng = read_entry(written.getvalue(), "shard")
    np.random.set_state(found)
    assert (np.random.random(), rng["rng"].random()) == expected


MADE: dict[str, dict[str, Any]] = {
    "CyclicLR": {"base_lr": 0.1, "max_lr": 1.0},
    "OneCycleLR": {"max_lr": 1.0, "total_steps": 9},
    "StepLR": {"step_size": 2},
    "MultiStepLR": {"milestones": [1, 1, 2]},
    "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 9},
    "torch.optim.lr_scheduler.CosineAnnealingWarmRestarts": {"T_0": 3},
    "cosine": {},
}


@pytest.mark.parametrize("name", [*MADE, "ConstantLR", "LinearLR", "PolynomialLR"])
def test_schedules_are_read_back(name: str) -> None:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], 0.1, momentum=0.9)
    schedule = build_schedule(ScheduleConfig(name=name, args=MADE.get(name, {})), optimizer, 9)
    check_readable({"schedule": _Kept(schedule.state_dict())}, "schedule")


class Remembers(lr_scheduler.ConstantLR):
    """A schedule that keeps what no checkpoint holds."""

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        super().__init__(optimizer)
        self.seen = collections.deque([1])


class Locked(lr_scheduler.ConstantLR):
    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        super().__init__(optimizer)
        self.shape = lambda step: step


class Momentous(torch.optim.SGD):
    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, lr)
        self.param_groups[0]["own"] = Path("here")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"schedule": ScheduleConfig(name=f"{__name__}.Remembers")},
            r"^schedule: keeps schedule, which no run",
        ),
        ({"schedule": ScheduleConfig(name=f"{__name__}.Locked")}, "^schedule: keeps schedule, .*pickle"),
        (
            {"optimizer": OptimizerConfig(name=f"{__name__}.Momentous", args={"lr": 0.1})},
            "^optimizer: keeps .*own.*Path",
        ),
    ],
)
def test_what_could_not_be_read_back_is_refused_before_the_run(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        tiny.build(**changes)
    assert "\n" not in str(refused.value)
