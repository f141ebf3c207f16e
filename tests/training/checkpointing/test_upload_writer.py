"""A checkpoint is in the store with what the run needs beside it, and is whole there only when all of it is."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint import CheckpointException

from torchferry.errors import StoreError
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.remote_folder import RemoteFolder
from torchferry.training.checkpointing.upload_writer import UploadWriter
from torchferry.training.progress import Progress

pytestmark = pytest.mark.usefixtures("alone")


def write(tmp_path: Path, store: ObjectStore) -> RemoteFolder:
    """Save one weight of a run that stands at step 5."""
    stored = RemoteFolder(store, "digits/checkpoints/step-00000005.1.1")
    written = checkpoint.unfinished(tmp_path / "run" / "checkpoints", 5)
    writer = UploadWriter(written, stored, tmp_path / "run", Progress(step=5), "{}")
    dcp.save({"weight": torch.ones(2)}, storage_writer=writer)
    return stored


@pytest.fixture(autouse=True)
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("name: digits\n")
    (tmp_path / "run" / "curves.png").touch()
    return tmp_path / "run"


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/store")


def test_what_comes_back_from_the_store_is_a_whole_checkpoint(tmp_path: Path, store: ObjectStore) -> None:
    stored = write(tmp_path, store)
    checksums = stored.checksums() or ""
    stored.get(checksums, tmp_path / "back")
    (tmp_path / "back" / "checksums.json").write_text(checksums)
    assert checkpoint.read_progress(tmp_path / "back").step == 5
    state = {"weight": torch.zeros(2)}
    dcp.load(state, checkpoint_id=tmp_path / "back")
    assert state["weight"].tolist() == [1, 1]


def test_the_disk_and_the_store_hold_the_same_files(tmp_path: Path, store: ObjectStore) -> None:
    stored = write(tmp_path, store)
    written = checkpoint.unfinished(tmp_path / "run" / "checkpoints", 5)
    names = {path.name for path in written.iterdir()}
    assert names == set(store.paths(stored.name))
    assert names == {".metadata", "__0_0.distcp", "state.json", "fingerprint.json", "config.yaml", "checksums.json"}
    assert checkpoint.read_progress(written).step == 5
    assert set(json.loads(stored.checksums() or "")) == names - {"checksums.json"}


def test_files_of_the_run_are_as_they_were_by_then(tmp_path: Path, run_dir: Path, store: ObjectStore) -> None:
    (run_dir / "metrics.jsonl").write_text("{}\n")
    stored = write(tmp_path, store)
    with (run_dir / "metrics.jsonl").open("a") as file:
        file.write("more\n")
    assert store.read(f"{stored.name}/metrics.jsonl") == b"{}\n"
    assert (checkpoint.unfinished(run_dir / "checkpoints", 5) / "metrics.jsonl").read_text() == "{}\n"


class Full(ObjectStore):
    """Takes no more uploads once it has a file of this name."""

    last = ""

    def upload(self, source: Path, name: str) -> None:
        if any(self.last in there for there in self.paths("digits")):
            raise StoreError(0, "is full", name)
        super().upload(source, name)


@pytest.mark.parametrize("last", ["", "__0_0.distcp", "state.json"])
def test_a_store_that_fails_on_the_way_has_no_checkpoint(last: str, tmp_path: Path) -> None:
    store: Any = Full(f"file://{tmp_path}/store")
    store.write("digits/other", b"")
    store.last = last
    with pytest.raises(CheckpointException, match="is full"):
        write(tmp_path, store)
    assert "checkpoints/step-00000005.1.1/checksums.json" not in store.paths("digits")
