"""A run folder or a store says, before anything is built, how the run began and what its checkpoint knows."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.training import tiny
from torchferry.errors import StoreError, UserError
from torchferry.files import sha256
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.fingerprint import fingerprint_of
from torchferry.training.checkpointing.record import Record, as_begun, known_before, record_of, saved_before
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.checkpointing.saved_files import OnDisk
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import Recipe
from torchferry.training.trainer.build import build_run

TABLE = Component(name="table", args={"path": "t.csv", "target": "y"})
FORMER = {"split": "shuffle", "datatype": "float32", "scale_target": False}


@pytest.fixture
def stored(tmp_path: Path) -> RemoteRun:
    """In a store that is a folder."""
    return RemoteRun(ObjectStore(f"file://{tmp_path}/store"), "tiny", attempt=1)


def recipe(runs_dir: Path, **changes: Any) -> Recipe:
    return tiny.recipe(runs_dir=runs_dir, data={"source": TABLE}, **changes)


def config(**args: Any) -> str:
    return yaml.safe_dump({"data": {"source": {"name": "table", "args": TABLE.args | args}}})


def begun(folder: Path, **args: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(config(**args))


def completed(recipe: Recipe, stored: RemoteRun | None = None, given: RemoteRun | None = None) -> Recipe:
    return as_begun(recipe, saved_before(recipe, stored, given))


def known(recipe: Recipe, stored: RemoteRun | None = None, given: RemoteRun | None = None) -> Record | None:
    return known_before(saved_before(recipe, stored, given))


def saved(folder: Path, source: str = "corners", **files: str) -> Path:
    """A checkpoint; with no source one that has no fingerprint."""
    folder.mkdir(parents=True)
    files |= {"state.json": "{}"}
    if source:
        run = tiny.build(source, task="regression" if source == "sums" else "classification")
        files["fingerprint.json"] = json.dumps(fingerprint_of(run.recipe, run.source, run.model.network))
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "checksums.json").write_text(json.dumps({name: sha256(folder / name) for name in files}))
    return folder


def uploaded(stored: RemoteRun, folder: Path, step: int, *, whole: bool = True) -> str:
    """The URL of a checkpoint that is in a store from now on."""
    there = stored.next_checkpoint(step)
    for file in folder.iterdir():
        if file.name != "checksums.json":
            there.put(file, file.name)
    if whole:
        there.complete((folder / "checksums.json").read_text())
    return there.url


def test_a_run_of_before_goes_on_as_it_began_however_often(tmp_path: Path) -> None:
    assert completed(recipe(tmp_path)).data.source == TABLE
    begun(tmp_path / "tiny")
    for _ in range(2):
        found = completed(recipe(tmp_path))
        assert found.data.source.args == TABLE.args | FORMER
        begun(tmp_path / "tiny", **found.data.source.args)


def test_a_run_of_today_is_left_as_it_is(tmp_path: Path) -> None:
    begun(tmp_path / "tiny", split="hash", datatype="float64", scale_target=None)
    assert completed(recipe(tmp_path)).data.source == TABLE


@pytest.mark.parametrize("place", ["that", "that/checkpoints", "that/checkpoints/step-00000008"])
def test_a_new_run_from_a_checkpoint_of_before_begins_as_that_did(place: str, tmp_path: Path) -> None:
    begun(tmp_path / "that")
    saved(tmp_path / "that/checkpoints/step-00000008")
    found = completed(recipe(tmp_path, resume=str(tmp_path / place)))
    assert found.data.source.args == TABLE.args | FORMER


@pytest.mark.parametrize("own", [True, False])
def test_so_does_one_whose_record_is_in_a_store_alone(own: bool, stored: RemoteRun, tmp_path: Path) -> None:
    uploaded(stored, saved(tmp_path / "one", **{"config.yaml": config()}), 8)
    uploaded(stored, saved(tmp_path / "unfinished", **{"config.yaml": config(split="hash")}), 9, whole=False)
    mine = recipe(tmp_path, resume="auto" if own else stored.url)
    assert completed(mine, *(stored, None) if own else (None, stored)).data.source.args == TABLE.args | FORMER


@pytest.mark.parametrize("text", ["", "[", "data: 3", "data: {source: {}}", "data: {source: {name: table, args: 3}}"])
def test_a_record_that_cannot_be_read_is_told_later(text: str, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.yaml").write_text(text)
    assert completed(recipe(tmp_path)).data.source == TABLE


def test_what_the_newest_checkpoint_knows_is_there_before_anything_is_built(tmp_path: Path) -> None:
    assert known(recipe(tmp_path)) is None
    checkpoints = tmp_path / "tiny" / "checkpoints"
    older, newest = (saved(checkpoints / f"step-{step:08d}", of) for step, of in ((4, "sums"), (12, "corners")))
    found = known(recipe(tmp_path))
    assert found is not None
    assert (found.where, found.fingerprint["labels"]) == (str(newest), ["x", "y", "z"])
    content = json.loads((newest / "fingerprint.json").read_text())
    for damaged in ("{", json.dumps(content | {"labels": ["x", "y", "Z"]})):
        (newest / "fingerprint.json").write_text(damaged)
        before = known(recipe(tmp_path))
        assert before is not None
        assert (before.where, before.fingerprint["labels"]) == (str(older), ["sum"])


def test_of_disk_and_store_the_newest_counts_and_of_equal_ones_the_stores(stored: RemoteRun, tmp_path: Path) -> None:
    mine, checkpoints = recipe(tmp_path), tmp_path / "tiny" / "checkpoints"
    folders = [saved(checkpoints / f"step-{step:08d}") for step in (4, 12)]
    urls = [uploaded(stored, folders[0], step) for step in (8, 12)]
    found = [each.where for each in saved_before(mine, stored, None)]
    assert found == [urls[1], str(folders[1]), urls[0], str(folders[0])]


def test_what_resume_names_counts_where_the_run_has_no_checkpoint_of_its_own(stored: RemoteRun, tmp_path: Path) -> None:
    elsewhere = RemoteRun(stored.store, "that")
    url = uploaded(elsewhere, saved(tmp_path / "one", "sums"), 8)
    mine = recipe(tmp_path, resume=elsewhere.url)
    begun(tmp_path / "tiny")
    found = known(mine, stored, elsewhere)
    assert found is not None
    assert (found.where, found.fingerprint["labels"]) == (url, ["sum"])
    uploaded(stored, saved(tmp_path / "own"), 4)
    own = known(mine, stored, elsewhere)
    assert own is not None
    assert own.fingerprint["labels"] == ["x", "y", "z"]


def test_a_url_without_a_checkpoint_is_refused(stored: RemoteRun, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^resume: {stored.url} holds no checkpoint; give auto, none, or a run or"):
        saved_before(recipe(tmp_path, resume=stored.url), None, stored)


CARD = """
task: classification
labels: [x, y, z]
input: {kind: tensor, shape: [3]}
"""


@pytest.mark.parametrize("in_a_store", [True, False])
def test_of_a_run_of_before_the_card_says_what_samples_mean(
    in_a_store: bool, stored: RemoteRun, tmp_path: Path
) -> None:
    folder = tmp_path / ("elsewhere" if in_a_store else "tiny")
    where: object = saved(folder / "checkpoints/step-00000008", source="")
    if in_a_store:
        where = uploaded(stored, folder / "checkpoints/step-00000008", 8)
    assert known(recipe(tmp_path), stored) is None
    (folder / "model").mkdir()
    (folder / "model/model.yaml").write_text(CARD)
    if in_a_store:
        stored.put_results(folder)
    found = known(recipe(tmp_path), stored)
    assert found is not None
    assert found.where == str(where)
    assert found.fingerprint == {
        "labels": ["x", "y", "z"],
        "targets": "classes",
        "input": {"kind": "tensor", "shape": [3], "datatype": "float32"},
        "target_scale": None,
    }


def test_a_store_that_fails_is_no_store_without_a_record(tmp_path: Path) -> None:
    class Failing(RemoteRun):
        def checkpoints(self) -> dict[str, bool]:
            raise StoreError(0, "no route to it", self.url)

    failing = Failing(ObjectStore(f"file://{tmp_path}/store"), "tiny")
    with pytest.raises(StoreError, match=f"^checkpoint.store: cannot read {failing.url}: no route to it"):
        saved_before(recipe(tmp_path), failing, None)


def test_a_checkpoint_that_is_not_complete_has_no_record(tmp_path: Path) -> None:
    folder = saved(tmp_path / "step-00000008")
    (folder / "checksums.json").unlink()
    with pytest.raises(UserError, match=f"^{folder}: is not a complete checkpoint"):
        record_of(OnDisk(folder))


def test_a_run_is_built_under_it(tmp_path: Path) -> None:
    saved(tmp_path / "tiny" / "checkpoints" / "step-00000012")
    mine = tiny.recipe(runs_dir=tmp_path)
    run = build_run(mine, tiny.ALONE, known(mine))
    assert not run.adopted  # nothing of such a source is fitted
    assert run.source.labels == ("x", "y", "z")
