"""Resuming a run: the checkpoint that a run folder resumes from, and preparing the folder for a start."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from torchferry.errors import UserError
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.flat_recipe import recorded
from torchferry.training.checkpointing.remote_run import RemoteRun
from torchferry.training.checkpointing.resume import Start, enter, find_start
from torchferry.training.config.cli import parse, to_yaml
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import (
    CheckpointConfig,
    DataConfig,
    EarlyStoppingConfig,
    GateConfig,
    MetricsConfig,
    OptimizerConfig,
    Recipe,
)
from torchferry.training.progress import Progress

EMPTY = hashlib.sha256().hexdigest()
CARD = f"schema: torchferry.model/1\nstep: 9\nweights_sha256: {EMPTY}\n"
SOURCE = Component(name="digits")


def recipe(runs_dir: Path, **changes: Any) -> Recipe:
    given: dict[str, Any] = {
        "name": "digits",
        "data": DataConfig(source=SOURCE),
        "model": Component(name="digits_cnn"),
        "optimizer": OptimizerConfig(name="SGD", args={"lr": 0.1}),
    }
    return Recipe(runs_dir=runs_dir, **given | changes)


def begun(runs_dir: Path, *steps: int, launch: str = "first") -> Path:
    """A run folder that has checkpoints of these steps."""
    mine = recipe(runs_dir)
    enter(mine, find_start(mine, {"TORCHELASTIC_RUN_ID": launch}), 1)
    for step in steps:
        put(mine.run_dir / "checkpoints" / checkpoint.name_of(step), Progress(step=step, best=0.5, best_step=step))
    return mine.run_dir


def put(folder: Path, progress: Progress) -> None:
    folder.mkdir(parents=True)
    checkpoint.write_state(folder, progress, "{}")
    checkpoint.write_checksums(folder, {"state.json": checkpoint.sha256(folder / "state.json")})


def test_a_folder_that_is_not_there_or_holds_only_hidden_rests_starts_anew(tmp_path: Path) -> None:
    for _ in range(2):
        start = find_start(recipe(tmp_path, resume="none"), {})
        assert (start.checkpoint, start.progress, start.restarts, start.finished) == (None, Progress(), 0, False)
        (tmp_path / "digits" / ".model.unfinished").mkdir(parents=True, exist_ok=True)


def test_it_goes_on_from_the_newest_checkpoint_that_is_whole(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = begun(tmp_path, 9, 10, 11) / "checkpoints"
    (folder / "step-00000011" / "state.json").write_text("{}")
    start = find_start(recipe(tmp_path), {})
    assert (start.checkpoint, start.progress.step) == (folder / "step-00000010", 10)
    said = "step-00000011/state.json: is damaged (its checksum differs); trying the checkpoint before it"
    assert said in capfd.readouterr().err


def test_a_folder_without_a_whole_checkpoint_is_refused(tmp_path: Path) -> None:
    (begun(tmp_path, 9) / "checkpoints" / "step-00000009" / "checksums.json").unlink()
    with pytest.raises(UserError, match=r"holds no whole checkpoint; move .*digits away, or give another --name"):
        find_start(recipe(tmp_path), {})


@pytest.mark.parametrize(("launch", "goes_on"), [("first", True), ("second", False)])
def test_resume_none_refuses_what_another_launch_left_and_goes_on_after_its_own(
    launch: str, goes_on: bool, tmp_path: Path
) -> None:
    begun(tmp_path, 9, launch="first")
    mine, environ = recipe(tmp_path, resume="none"), {"TORCHELASTIC_RUN_ID": launch}
    if goes_on:
        assert find_start(mine, environ).progress.step == 9
    else:
        with pytest.raises(UserError, match="exists already and is left as it is; give another --name, or --resume"):
            find_start(mine, environ)


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 5, "max_steps": 7, "evaluate_every_epochs": None},
        {"data": DataConfig(source=SOURCE, workers=3, on_corrupt="skip", device_resident=True)},
        {"checkpoint": CheckpointConfig(keep=9), "metrics": MetricsConfig(port=None), "gate": GateConfig()},
        {"early_stopping": EarlyStoppingConfig(patience=3)},
    ],
)
def test_what_changes_no_step_may_differ(changes: dict[str, Any], tmp_path: Path) -> None:
    begun(tmp_path, 9)
    assert find_start(recipe(tmp_path, **changes), {}).progress.step == 9


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seed": 5}, "was started with seed 0, the recipe now says 5"),
        (
            {"optimizer": OptimizerConfig(name="SGD", args={"lr": 0.2})},
            "with optimizer.args.lr 0.1, the recipe now says 0.2",
        ),
        (
            {"optimizer": OptimizerConfig(name="SGD", args={"lr": 0.1, "nesterov": True})},
            "with optimizer.args.nesterov None",
        ),
        ({"data": DataConfig(source=SOURCE, batch_size=8)}, "with data.batch_size 64, the recipe now says 8"),
        (
            {"data": DataConfig(source=Component(name="digits", args={"size": 28})), "seed": 1},
            "with data.source.args.size 8, the recipe now says 28; with seed 0, the recipe now says 1",
        ),
    ],
)
def test_what_changes_a_step_is_refused_by_its_key(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    begun(tmp_path, 9)
    with pytest.raises(UserError, match=f"{words}.*; give another --name, or the old value to go on"):
        find_start(recipe(tmp_path, **changes), {})


def test_a_default_that_is_written_out_is_no_difference(tmp_path: Path) -> None:
    begun(tmp_path, 9)
    said = DataConfig(source=Component(name="digits", args={"test_fraction": 0.2, "mean": None}))
    assert find_start(recipe(tmp_path, data=said), {}).progress.step == 9


@pytest.mark.parametrize("content", [b"name: digits\n", b"", b"\xff\xfe", b"name: ["])
def test_a_damaged_config_is_named_first(content: bytes, tmp_path: Path) -> None:
    folder = begun(tmp_path, 9)
    (folder / "config.yaml").write_bytes(content)
    with pytest.raises(UserError, match=rf"^{folder}/config\.yaml:(\d+:)? ") as refused:
        find_start(recipe(tmp_path), {})
    assert "\n" not in str(refused.value)
    for more in ([], ["--epochs", "3"], ["--max_steps=5"]):
        with pytest.raises(UserError, match=rf"^{folder}/config\.yaml:(\d+:)? "):
            parse([f"--config={folder}/config.yaml", *more])


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "photo.png").touch()
    with pytest.raises(UserError, match="is no run folder"):
        find_start(recipe(tmp_path), {})
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="is a file, not a run folder"):
        find_start(recipe(tmp_path, name="file"), {})


@pytest.mark.parametrize("place", [".", "checkpoints", "checkpoints/step-00000009"])
def test_another_run_starts_from_a_given_checkpoint_without_its_best(place: str, tmp_path: Path) -> None:
    given = begun(tmp_path, 8, 9) / place
    start = find_start(recipe(tmp_path, name="other", seed=3, resume=str(given)), {})
    assert start.checkpoint == tmp_path / "digits/checkpoints/step-00000009"
    assert (start.progress.step, start.progress.best, start.progress.best_step) == (9, None, -1)


def test_one_that_a_url_names_is_said_by_the_url(tmp_path: Path) -> None:
    given = begun(tmp_path, 9) / "checkpoints/step-00000009"
    mine = recipe(tmp_path, name="other", resume="s3://bucket/runs/digits")
    start = find_start(mine, {}, fetched=given)
    assert (start.checkpoint, start.given, start.where) == (given, True, "s3://bucket/runs/digits")
    own = find_start(recipe(tmp_path), {})
    assert (own.given, own.where) == (False, str(given))


def test_a_given_checkpoint_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="resume: nowhere holds no checkpoint; give auto, none, or a run or"):
        find_start(recipe(tmp_path, resume="nowhere"), {})


@pytest.mark.parametrize(
    ("before", "after", "finished", "words"),
    [
        ("", "", True, ""),
        ("step: 9", "step: 8", False, ""),
        ("step: 9", "step: [", False, "cannot be read as a model's card"),
        (CARD, "9", False, "cannot be read as a model's card: it names no schema"),
        ("step: 9", "step: '9'", False, "is damaged (its step is 9)"),
        ("torchferry.model/1", "torchferry.model/2", True, ""),
        (CARD.splitlines()[2], "weights_sha256: 0", False, "weights.safetensors: is damaged (its checksum differs)"),
    ],
)
def test_a_run_is_finished_when_its_whole_model_is_of_the_newest_checkpoint(
    before: str, after: str, finished: bool, words: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = begun(tmp_path, 8, 9)
    (folder / "model").mkdir()
    (folder / "model" / "weights.safetensors").touch()
    (folder / "model" / "model.yaml").write_text(CARD.replace(before, after))
    assert find_start(recipe(tmp_path), {}).finished == finished
    said = capfd.readouterr().err
    assert words in said
    assert said.count("writes it again, from the newest checkpoint") == bool(words)


def test_with_a_store_the_brought_checkpoint_counts_and_the_store_says_whether_it_is_finished(tmp_path: Path) -> None:
    begun(tmp_path, 20)
    downloaded = tmp_path / "downloaded"
    put(downloaded, Progress(step=9))
    stored = RemoteRun(ObjectStore(f"file://{tmp_path}/store"), "digits")
    start = find_start(recipe(tmp_path), {}, stored, downloaded)
    assert (start.checkpoint, start.progress.step, start.finished) == (downloaded, 9, False)
    (tmp_path / "left" / "model").mkdir(parents=True)
    (tmp_path / "left" / "model" / "model.yaml").write_text("step: 9")
    stored.put_results(tmp_path / "left")
    assert find_start(recipe(tmp_path), {}, stored, downloaded).finished


def test_entering_writes_the_recipe_and_clears_what_is_done_again(tmp_path: Path) -> None:
    folder = begun(tmp_path, 9)
    checkpoint.unfinished(folder / "checkpoints", 10).mkdir()
    (folder / "samples-0.csv").write_text("9,1\n10,2\n")
    changed = recipe(tmp_path, epochs=5)
    enter(changed, find_start(changed, {}), 2)
    assert (folder / "config.yaml").read_text() == to_yaml(recorded(changed))
    assert (folder / "samples-0.csv").read_text() == "9,1\n"
    assert [path.name for path in (folder / "checkpoints").iterdir()] == ["step-00000009"]


def test_each_attempt_is_a_line_and_a_second_node_adds_none(tmp_path: Path) -> None:
    mine, file = recipe(tmp_path), tmp_path / "digits" / "attempts.jsonl"
    start = Start(None, Progress(step=3), "launch", 0, False, 2_500_000_000)
    for _ in range(2):
        enter(mine, start, 4)
    assert json.loads(file.read_text()) == {"time": 2.5, "launch": "launch", "world_size": 4, "from_step": 3}
    file.write_bytes(file.read_bytes() + b'{"launch\xff')  # as a kill cuts it
    enter(mine, dataclasses.replace(start, began=3), 4)
    assert find_start(mine, {}).restarts == 2


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    mine = recipe(tmp_path / "runs")
    with pytest.raises(UserError, match=r"runs_dir: cannot write .*runs/digits \(Not a directory\); give another"):
        enter(mine, find_start(mine, {}), 1)


def test_a_launch_is_torchruns_own_and_that_of_a_process_alone_is_new_each_time(tmp_path: Path) -> None:
    mine = recipe(tmp_path)
    assert find_start(mine, {"TORCHELASTIC_RUN_ID": "job"}).launch == "job"
    unnamed = [find_start(mine, {"TORCHELASTIC_RUN_ID": "none"}).launch for _ in range(2)]
    assert unnamed[0] == unnamed[1] != "none"
    assert find_start(mine, {}).launch != find_start(mine, {}).launch
