"""Optional features of a recipe, each in a real run."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from tests.commands import RECIPES, run_command, torchrun
from torchferry.training.models.saved import load_model

QUICK = ("--config", RECIPES / "digits.yaml", "--metrics.port", "null", "--metrics.tensorboard", "false")


def train(runs: Path, *options: object) -> tuple[Path, list[dict[str, Any]], str]:
    """Run to the end; returns the run folder, the rows of metrics.jsonl, and what was printed."""
    done = run_command("-m", "torchferry.training", *QUICK, "--runs_dir", runs, *options)
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (runs / "digits" / "metrics.jsonl").read_text().splitlines()]
    return runs / "digits", rows, done.stdout + done.stderr


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model" / "weights.safetensors")


EVERYTHING = (
    *("--step.precision", "bf16", "--step.clip_norm", 1, "--step.skip_nonfinite", 5, "--step.accumulate", 2),
    *("--step.ema_decay", 0.9, "--step.channels_last", "true", "--data.mixup", 0.2, "--data.cutmix", 1),
    *("--distributed.static_graph", "true", "--schedule.name", "triangular", "--optimizer.args.fused", "true"),
    *("--data.workers", 2, "--data.augment", '[{"name": "rotation", "args": {"degrees": 5}}]'),
)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(EVERYTHING, id="nearly everything", marks=pytest.mark.slow),
        pytest.param(("--step.precision", "fp16", "--data.device_resident", "true",
                      "--model", '{"name": "mlp", "args": {"widths": [64, 64, 10]}}'), id="fp16 with a loss scale"),
        pytest.param(("--schedule.name", "OneCycleLR", "--schedule.args", '{"max_lr": 0.01, "total_steps": 110}',
                      "--schedule.warmup_steps", 0), id="a scheduler of torch"),
        pytest.param(("--schedule.name", "StepLR", "--schedule.every", "epoch", "--schedule.args",
                      '{"step_size": 2}', "--schedule.warmup_steps", 0), id="a scheduler that goes by epochs"),
    ],
)  # fmt: skip
def test_it_still_learns(options: tuple[object, ...], tmp_path: Path) -> None:
    _, rows, output = train(tmp_path, "--epochs", 5, *options)
    assert rows[-1]["accuracy"] > 0.85
    assert "Warning" not in output


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a C++ compiler")
def test_a_compiled_network_gives_the_losses_of_the_eager_one(tmp_path: Path) -> None:
    model = '{"name": "mlp", "args": {"widths": [64, 32, 10]}}'
    options = ("--model", model, "--max_steps", 6, "--metrics.log_every", 2)
    (_, eager, _), (_, compiled, _) = (
        train(tmp_path / word, *options, "--step.compile", word) for word in ("false", "true")
    )
    assert [row["loss"] for row in compiled] == pytest.approx([row["loss"] for row in eager], rel=1e-4)


@pytest.mark.parametrize("net", ["Blip", "Poison"])
def test_steps_with_gradients_that_are_not_finite_are_left_out(net: str, tmp_path: Path) -> None:
    model = f"tests.training.nets.{net}"
    run, rows, _ = train(tmp_path, "--model.name", model, "--step.skip_nonfinite", 3, "--epochs", 2)
    assert rows[-2]["skipped"] == 2
    assert all(value.isfinite().all() for value in weights(run).values())
    assert rows[-1]["accuracy"] > 0.8


def test_too_many_of_them_in_a_row_end_the_run(tmp_path: Path) -> None:
    options = ("--model.name", "tests.training.nets.Blip", "--model.args.always", "true", "--step.skip_nonfinite", 3)
    done = run_command("-m", "torchferry.training", *QUICK, "--runs_dir", tmp_path, *options)
    assert done.returncode == 2
    assert "torchferry: the gradients were not finite for 22 steps in a row" in done.stderr


def test_early_stopping_ends_a_run_that_gains_nothing_and_the_best_is_exported(tmp_path: Path) -> None:
    options = ("--optimizer.args.lr", 0.01, "--schedule.name", "constant", "--early_stopping.patience", 2)
    run, rows, _ = train(tmp_path, *options, "--epochs", 60, "--checkpoint.export", "best")
    scores = [row["accuracy"] for row in rows if row["kind"] == "test"]
    assert len(scores) < 60
    best = max(scores)
    assert all(score <= best for score in scores[-2:])
    assert load_model(run)[1].result["accuracy"] == best


def test_a_dry_run_takes_a_step_and_writes_nothing(tmp_path: Path) -> None:
    done = run_command("-m", "torchferry.training", *QUICK, "--runs_dir", tmp_path, "--dry_run")
    assert done.returncode == 0, done.stderr
    assert "digits: a step over 64 samples gives loss" in done.stdout
    assert not list(tmp_path.iterdir())


def test_some_steps_can_be_traced(tmp_path: Path) -> None:
    run, _, _ = train(tmp_path, "--max_steps", 8, "--profile.first_step", 4, "--profile.steps", 2)
    names = [event.get("name", "") for event in json.loads((run / "trace-0.json").read_text())["traceEvents"]]
    assert names.count("DistributedDataParallel.forward") == 2


def test_a_run_can_start_from_weights_in_a_file_with_a_new_head(tmp_path: Path) -> None:
    first, _, _ = train(tmp_path / "first", "--max_steps", 30)
    torch.save(weights(first), tmp_path / "weights.pth")
    # A learning rate of next to nothing leaves what was loaded.
    options = ("--max_steps", 1, "--optimizer.args.lr", 1e-12, "--weights.skip", '["12."]')
    for file in (first / "model" / "weights.safetensors", tmp_path / "weights.pth"):
        run, _, _ = train(tmp_path / file.suffix, *options, "--weights.source", file)
        assert torch.allclose(weights(run)["0.weight"], weights(first)["0.weight"], atol=1e-6)
        assert not torch.allclose(weights(run)["12.weight"], weights(first)["12.weight"], atol=1e-2)


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ({"fc.weight": torch.zeros(2)}, (), "is for another model: it has no 0.weight, 0.bias"),
        ({"0.bias": torch.zeros(7)}, ("--weights.skip", '["0.w", "1", "2", "5", "9"]'),
         "its 0.bias is [7], the model's is [32]"),
        ({}, ("--weights.skip", "[head]"), "weights.skip: no parameter begins with head"),
        (None, (), "is a pickle of more than tensors"),
    ],
)  # fmt: skip
def test_weights_of_another_architecture_are_refused(
    content: dict[str, torch.Tensor] | None, options: tuple[object, ...], words: str, tmp_path: Path
) -> None:
    file = tmp_path / ("weights.pth" if content is None else "weights.safetensors")
    if content is None:
        torch.save(Path("/"), file)
    else:
        save_file(content, file)
    done = run_command(
        "-m", "torchferry.training", *QUICK, "--runs_dir", tmp_path / "runs", "--weights.source", file, *options
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr


@pytest.fixture
def spoiled(tmp_path: Path) -> tuple[object, ...]:
    """The options for a data set of which every sixteenth sample cannot be read."""
    source = {"name": "dataset", "args": {
        "train": {"name": "tests.training.nets.Spoiled", "args": {"size": 48}},
        "test": {"name": "tests.training.nets.Spoiled", "args": {"size": 24}},
        "labels": 10, "image": {"mode": "L", "height": 8, "width": 8},
    }}  # fmt: skip
    (tmp_path / "source.yaml").write_text(yaml.safe_dump({"data": {"source": source, "batch_size": 16}}))
    return "--config", tmp_path / "source.yaml", "--schedule.warmup_steps", 0


@pytest.mark.torchrun
def test_a_rank_that_ends_takes_the_others_along_without_their_tracebacks(
    spoiled: tuple[object, ...], tmp_path: Path
) -> None:
    done = torchrun(2, *QUICK, *spoiled, "--runs_dir", tmp_path)
    assert done.returncode == 1
    assert "the disk has a hole here" in done.stderr
    assert "another rank seems to have gone" not in done.stderr  # it is known why
    assert done.stderr.count("Traceback (most recent call last)") == 1, done.stderr  # torchrun's own


BRANCHING = ("--model.name", "tests.training.nets.Branching", "--epochs", 1)


@pytest.mark.torchrun
def test_a_branch_that_one_rank_does_not_take_ends_the_run_with_its_name(tmp_path: Path) -> None:
    done = torchrun(2, *QUICK, *BRANCHING, "--runs_dir", tmp_path)
    assert done.returncode == 1
    ours = [line for line in done.stderr.splitlines() if line.startswith("torchferry: ")]
    assert len(ours) == 1, done.stderr
    assert ours[0].startswith("torchferry: model: branch.weight, branch.bias took no part in a step, so the other")
    assert "distributed.find_unused_parameters" in ours[0]


@pytest.mark.torchrun
def test_it_trains_where_ddp_looks_for_it(tmp_path: Path) -> None:
    done = torchrun(2, *QUICK, *BRANCHING, "--distributed.find_unused_parameters", "true", "--runs_dir", tmp_path)
    assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "digits").keys() == {"head.weight", "head.bias", "branch.weight", "branch.bias"}


def test_frozen_layers_and_groups_of_others_begin_with_weights_of_another_trainer(tmp_path: Path) -> None:
    first, _, _ = train(tmp_path / "first", "--max_steps", 10)
    given = {f"model.{name}": value.half() for name, value in weights(first).items()}
    torch.save({"state_dict": given, "epoch": 3}, tmp_path / "last.ckpt")
    options = ("--freeze", '["0.*", "2.*"]', "--optimizer.groups", '[{"match": "12.*", "lr": 0.02}]', "--max_steps", 10)
    run, rows, output = train(tmp_path / "second", *options, "--weights.source", tmp_path / "last.ckpt")
    said = f"digits: weights from {tmp_path / 'last.ckpt'}: its state_dict; without 'model.' before its names; float16 "
    assert output.count(f"{said}becomes float32\n") == 1
    ended = weights(run)
    same = {name for name, value in ended.items() if torch.equal(value, given[f"model.{name}"].float())}
    assert same == {f"{layer}.{kind}" for layer in (0, 2) for kind in ("weight", "bias")}
    (report,) = (row for row in rows if row["kind"] == "train")
    rest = report["learning_rate"]
    assert report["learning_rates"] == pytest.approx({"rest": rest, "12.*": 5 * rest})


def test_corrupt_samples_are_named_or_skipped_and_counted(spoiled: tuple[object, ...], tmp_path: Path) -> None:
    options = (*spoiled, "--data.workers", 2)
    refused = run_command("-m", "torchferry.training", *QUICK, *options, "--runs_dir", tmp_path / "no")
    assert refused.returncode == 2
    assert "the disk has a hole here" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1, refused.stderr
    assert "data.on_corrupt" in refused.stderr
    _, rows, output = train(tmp_path / "yes", *options, "--data.on_corrupt", "skip", "--epochs", 1)
    assert [row["samples"] for row in rows if row["kind"] == "test"] == [22]
    assert sum(row["corrupt"] for row in rows if row["kind"] == "train") == 3
    assert output.count("; skipped") >= 3
