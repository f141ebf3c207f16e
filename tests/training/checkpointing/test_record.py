"""A run folder says, before anything is built, how the run began and what its checkpoint knows."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.training import tiny
from torchferry.training.checkpointing.fingerprint import fingerprint_of
from torchferry.training.checkpointing.record import as_begun, known_before
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import Recipe
from torchferry.training.trainer.build import build_run

TABLE = Component(name="table", args={"path": "t.csv", "target": "y"})
FORMER = {"split": "shuffle", "datatype": "float32", "scale_target": False}


def recipe(runs_dir: Path, **changes: Any) -> Recipe:
    return tiny.recipe(runs_dir=runs_dir, data={"source": TABLE}, **changes)


def begun(folder: Path, **args: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    source = {"name": "table", "args": TABLE.args | args}
    (folder / "config.yaml").write_text(yaml.safe_dump({"data": {"source": source}}))


def test_a_run_of_before_goes_on_as_it_began_however_often(tmp_path: Path) -> None:
    assert as_begun(recipe(tmp_path)).data.source == TABLE
    begun(tmp_path / "tiny")
    for _ in range(2):
        found = as_begun(recipe(tmp_path))
        assert found.data.source.args == TABLE.args | FORMER
        begun(tmp_path / "tiny", **found.data.source.args)


def test_a_run_of_today_is_left_as_it_is(tmp_path: Path) -> None:
    begun(tmp_path / "tiny", split="hash", datatype="float64", scale_target=None)
    assert as_begun(recipe(tmp_path)).data.source == TABLE


@pytest.mark.parametrize("place", ["that", "that/checkpoints", "that/checkpoints/step-00000008"])
def test_a_new_run_from_a_checkpoint_of_before_begins_as_that_did(place: str, tmp_path: Path) -> None:
    begun(tmp_path / "that")
    found = as_begun(recipe(tmp_path, resume=str(tmp_path / place)))
    assert found.data.source.args == TABLE.args | FORMER


@pytest.mark.parametrize("text", ["", "[", "data: 3", "data: {source: {}}"])
def test_a_record_that_cannot_be_read_is_told_later(text: str, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "config.yaml").write_text(text)
    assert as_begun(recipe(tmp_path)).data.source == TABLE


def saved(folder: Path, source: str) -> Path:
    run = tiny.build(source, task="regression" if source == "sums" else "classification")
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{}")
    content = fingerprint_of(run.recipe, run.source, run.model.network)
    (folder / "fingerprint.json").write_text(json.dumps(content))
    return folder


def test_what_the_newest_checkpoint_knows_is_there_before_anything_is_built(tmp_path: Path) -> None:
    assert known_before(recipe(tmp_path)) is None
    checkpoints = tmp_path / "tiny" / "checkpoints"
    saved(checkpoints / "step-00000004", "sums")
    newest = saved(checkpoints / "step-00000012", "corners")
    found = known_before(recipe(tmp_path))
    assert found is not None
    assert (found.checkpoint, found.fingerprint["labels"]) == (newest, ["x", "y", "z"])
    (newest / "fingerprint.json").write_text("{")
    damaged = known_before(recipe(tmp_path))
    assert damaged is not None
    assert damaged.fingerprint["labels"] == ["sum"]


def test_a_run_is_built_under_it(tmp_path: Path) -> None:
    saved(tmp_path / "tiny" / "checkpoints" / "step-00000012", "corners")
    mine = tiny.recipe(runs_dir=tmp_path)
    run = build_run(mine, tiny.ALONE, known_before(mine))
    assert not run.adopted  # nothing of such a source is fitted
    assert run.source.labels == ("x", "y", "z")
