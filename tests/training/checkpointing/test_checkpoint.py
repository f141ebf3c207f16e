"""Checkpoints on the disk: what stays, what `latest` and `best` name, and what damage is called."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.commands import RECIPES, run_command
from torchferry.errors import UserError
from torchferry.training.checkpointing import checkpoint
from torchferry.training.checkpointing.checkpoint import read_progress
from torchferry.training.progress import Progress

OPTIONS = ("--metrics.port", "null", "--metrics.tensorboard", "false")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 30 steps that saved after 10, 20, 22 (an epoch) and 30."""
    runs = tmp_path_factory.mktemp("runs")
    options = (*OPTIONS, "--max_steps", 30, "--checkpoint.every_steps", 10, "--checkpoint.keep", 9)
    done = run_command("-m", "torchferry.training", "--config", RECIPES / "digits.yaml", "--runs_dir", runs, *options)
    assert done.returncode == 0, done.stderr
    return runs / "digits"


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "digits"))


def go_on(run: Path, *options: object, steps: int = 40) -> tuple[int, str, str]:
    command = (
        "-m",
        "torchferry.training",
        "--config",
        run / "config.yaml",
        "--runs_dir",
        run.parent,
        "--max_steps",
        steps,
    )
    done = run_command(*command, *options)
    return done.returncode, done.stdout, done.stderr


def names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").glob("step-*"))


def damage(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_every_due_step_and_epoch_is_saved(run: Path) -> None:
    assert names(run) == [f"step-{step:08d}" for step in (10, 20, 22, 30)]
    assert (run / "checkpoints" / "latest").read_text() == "step-00000030\n"


def test_the_state_is_readable_json(run: Path) -> None:
    state = json.loads((run / "checkpoints" / "step-00000022" / "state.json").read_text())
    assert (state.pop("best"), state) == (
        pytest.approx(0.9, abs=0.1),
        {"epoch": 1, "batch": 0, "step": 22, "samples": 1437, "batch_size": 64}
        | {"evaluated_step": 22, "best_step": 22, "stale": 0, "world_size": 1},
    )
    assert read_progress(run / "checkpoints" / "step-00000030").batch == 8


def test_it_goes_on_from_the_newest(run: Path) -> None:
    code, output, _ = go_on(run)
    assert code == 0
    assert "goes on after step 30" in output
    assert len(names(run)) == 5
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(steps)
    assert steps[-1] == 40


def test_the_newest_and_the_best_stay(run: Path) -> None:
    (run / "checkpoints" / "best").write_text("step-00000010\n")
    options = ("--checkpoint.keep", 2, "--checkpoint.keep_finished", "all", "--checkpoint.every_steps", 4)
    assert go_on(run, *options, "--evaluate_every_epochs", "null")[0] == 0
    kept = names(run)
    assert kept[-2:] == ["step-00000036", "step-00000040"]
    assert set(kept[:-2]) <= {"step-00000010"}


def test_a_damaged_newest_is_named_and_the_one_before_it_used(run: Path) -> None:
    file = next((run / "checkpoints" / "step-00000030").glob("*.distcp"))
    damage(file)
    code, output, errors = go_on(run)
    assert code == 0
    assert f"{file}: is damaged (its checksum differs); trying the checkpoint before it" in errors
    assert "goes on after step 22" in output


@pytest.mark.slow
def test_small_files_that_are_damaged_cost_nothing(run: Path) -> None:
    """As a full disk or a kill of the machine leaves them."""
    attempts, samples = run / "attempts.jsonl", run / "samples-0.csv"
    attempts.write_bytes(attempts.read_bytes()[:-5] + b"\xff")
    samples.write_text("1,5\n2,nonsense\n\n30,7\n31,8\n32")
    (run / "checkpoints" / "best").write_bytes(b"\xff\xfe")
    for steps in (30, 34, 38):
        code, _, errors = go_on(run, steps=steps)
        assert (code, errors) == (0, "")
    assert samples.read_text() == "1,5\n30,7\n"
    assert (run / "checkpoints" / (run / "checkpoints" / "best").read_text().strip()).is_dir()
    launches = [json.loads(line)["from_step"] for line in attempts.read_text(errors="replace").splitlines()[1:]]
    assert launches == [30, 34]


def test_the_best_is_exported_although_its_name_was_not_written_yet(run: Path) -> None:
    """As a kill leaves it that came between a checkpoint and the name of the best."""
    assert read_progress(run / "checkpoints" / "step-00000030").best_step == 30
    weights = load_file(run / "model" / "weights.safetensors")
    (run / "checkpoints" / "best").write_text("step-00000010\n")
    shutil.rmtree(run / "model")
    code, _, errors = go_on(run, "--checkpoint.export", "best", steps=30)
    assert code == 0, errors
    found = load_file(run / "model" / "weights.safetensors")
    assert all(torch.equal(found[name], value) for name, value in weights.items())


@pytest.mark.parametrize("file", ["weights.safetensors", "model.yaml"])
def test_a_damaged_model_of_a_finished_run_is_written_again(file: str, run: Path) -> None:
    before = {path.name: path.read_bytes() for path in (run / "model").iterdir()}
    (run / "model" / file).write_bytes(before[file][:100])
    code, output, errors = go_on(run, steps=30)
    assert code == 0, errors
    (line,) = errors.splitlines()
    assert re.search(
        f"model/{file}: .*; the command that trained it writes it again, from the newest checkpoint$", line
    )
    assert "goes on after step 30" in output
    assert {path.name: path.read_bytes() for path in (run / "model").iterdir()} == before


def test_an_unfinished_one_is_passed_over_and_its_rest_removed(run: Path) -> None:
    (run / "checkpoints" / "step-00000030" / "checksums.json").unlink()
    (run / "checkpoints" / ".step-00000031.unfinished").mkdir()
    code, output, errors = go_on(run)
    assert code == 0
    assert "is not a complete checkpoint" in errors
    assert "goes on after step 22" in output
    assert not list((run / "checkpoints").glob(".*"))


def test_a_run_without_a_whole_checkpoint_is_left_alone(run: Path) -> None:
    for file in (run / "checkpoints").glob("*/*.distcp"):
        damage(file)
    code, _, errors = go_on(run)
    assert code == 2
    assert "holds no whole checkpoint" in errors
    assert len(names(run)) == 4


@pytest.mark.slow
def test_another_run_can_start_from_a_checkpoint(run: Path) -> None:
    for path in (run, run / "checkpoints", run / "checkpoints" / "step-00000030"):
        code, output, errors = go_on(run, "--name", f"from-{path.name}", "--resume", path)
        assert code == 0, errors
        assert "goes on after step 30" in output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            ("--model.args.width", 16, "--name", "other"),
            "was trained with model.args.width None, the recipe says 16",
        ),
        (("--model.name", "linear_digits", "--name", "other"), "model.name"),
        (("--step.ema_decay", 0.9, "--name", "other"), "is of another model or recipe: it has no ema"),
        (("--resume", "nowhere", "--name", "other"), "nowhere holds no checkpoint"),
        (("--resume", "none"), "exists already and is left as it is"),
        (("--seed", 5), "was started with seed 0, the recipe now says 5"),
        (("--optimizer.args.lr", 0.5), "was started with optimizer.args.lr 0.004"),
    ],
)
def test_what_does_not_belong_together_is_refused(run: Path, options: tuple[object, ...], words: str) -> None:
    given = options if "--resume" in options or "--name" not in options else (*options, "--resume", run)
    code, _, errors = go_on(run, *given)
    assert code == 2
    assert words in errors
    assert len(errors.splitlines()) == 1, errors
    assert not (run.parent / "other").exists()


def test_a_missing_shard_means_that_nodes_share_no_folder(run: Path) -> None:
    written = run / "checkpoints" / "step-00000030"
    written.rename(checkpoint.unfinished(run / "checkpoints", 31))
    next(checkpoint.unfinished(run / "checkpoints", 31).glob("*.distcp")).unlink()
    with pytest.raises(OSError, match="one folder that all nodes share"):
        checkpoint.complete(run / "checkpoints", Progress(step=31), "{}", keep=2)
    assert (run / "checkpoints" / "latest").read_text() == "step-00000030\n"


def test_a_damaged_file_is_named(run: Path) -> None:
    damage(run / "checkpoints" / "step-00000010" / "state.json")
    with pytest.raises(UserError, match=r"state.json: is damaged"):
        read_progress(run / "checkpoints" / "step-00000010")


DIVERGES = """
name: diverges
data: {source: {name: tests.training.tiny.corners, args: {train: 256}}, batch_size: 4}
model: {name: tests.training.nets.Diverges, args: {at: 20}}
optimizer: {name: SGD, args: {lr: 0.1, momentum: 0.9}}
checkpoint: {every_steps: 10, keep: 2}
metrics: {log_every: 50, port: null, tensorboard: false}
"""


@pytest.mark.parametrize("options", [(), ("--step.skip_nonfinite", 15)])
def test_weights_that_are_not_finite_leave_the_checkpoint_before_and_no_model(
    options: tuple[object, ...], tmp_path: Path
) -> None:
    (tmp_path / "recipe.yaml").write_text(DIVERGES)
    given = ("--config", tmp_path / "recipe.yaml", "--runs_dir", tmp_path, *options)
    done = run_command("-m", "torchferry.training", *given)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    run = tmp_path / "diverges"
    assert not (run / "model").exists()
    if "--step.skip_nonfinite" in options:  # each step without gradients is left out, so that all saves are good
        assert "the gradients were not finite for" in line
        assert line.endswith("; the checkpoint of step 40 is whole and finite")
        assert names(run) == ["step-00000030", "step-00000040"]
        return
    assert re.match(r"torchferry: model.network.layer.weight is not finite after step 20, so nothing was saved", line)
    assert line.endswith("; the checkpoint of step 10 is whole and finite")
    assert names(run) == ["step-00000010"]
    assert read_progress(run / "checkpoints" / "step-00000010").step == 10
