"""A run that was killed and restarted is, byte for byte, the run that was not; and ranks change only rounding."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

from tests.commands import RECIPES, run_command
from tests.forks import warm_workers

pytestmark = pytest.mark.torchrun

DIGITS = ("--config", RECIPES / "digits.yaml", "--metrics.port", "null", "--metrics.tensorboard", "false")
MORTAL = ("--model.name", "tests.training.nets.Mortal", "--deterministic", "true", "--metrics.sample_log", "true")
SAVES = ("--epochs", 2, "--checkpoint.every_steps", 5, "--checkpoint.keep", 1)


def train(runs: Path, name: str, ranks: int, *options: object, deaths: str = "", workers: str = "") -> Path:
    """Let torchrun train with workers of this Python, and restart what dies; returns the run folder."""
    (runs / f"{name}-deaths").mkdir(parents=True)
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", ranks, "--max-restarts", 5)
    options = (*DIGITS, "--runs_dir", runs, "--name", name, *options)
    environment = warm_workers() | {"MORTAL_AT": deaths, "MORTAL_DIR": str(runs / f"{name}-deaths")}
    if workers:
        environment["PYTHON_EXEC"] = workers
    done = run_command(*launcher, "-m", "torchferry.training", *options, **environment)
    assert done.returncode == 0, done.stderr
    died = {path.name for path in (runs / f"{name}-deaths").iterdir()}
    assert died == set(filter(None, deaths.split(",")))
    return runs / name


def entries(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from entries(inner, f"{name}.{key}")
    elif hasattr(value, "content"):  # what PowerSGD keeps, some of it without a way to compare
        tensors = {key: inner for key, inner in value.content.items() if key.endswith("_dict")}
        yield from entries(tensors, name)
    else:
        yield name, value


def last_state(run: Path) -> dict[str, Any]:
    """Everything in the newest checkpoint: weights, optimizer, schedule, average, generators."""
    latest = run / "checkpoints" / (run / "checkpoints" / "latest").read_text().strip()
    dcp_to_torch_save(latest, run / "state.pt")
    return dict(entries(torch.load(run / "state.pt", weights_only=False)))


def assert_same(one: Path, other: Path) -> None:
    mine, theirs = last_state(one), last_state(other)
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        same = torch.equal(value, theirs[name]) if isinstance(value, torch.Tensor) else str(value) == str(theirs[name])
        assert same, name
    logs = sorted(path.name for path in one.glob("samples-*.csv"))
    assert logs
    for file in (*logs, "model/weights.safetensors"):
        assert (one / file).read_bytes() == (other / file).read_bytes(), file


ACCUMULATING = ("--step.accumulate", 2, "--step.ema_decay", 0.9, "--data.workers", 2)
MIXING = ("--data.mixup", 0.2, "--step.clip_norm", 1, "--step.skip_nonfinite", 3, "--data.workers", 1)
SGD = '{"name": "SGD", "args": {"lr": 0.1, "momentum": 0.9}}'
GROUPED = (
    *("--freeze", '["0.*"]', "--optimizer.groups", '[{"match": "12.*", "lr": 0.01}]', "--optimizer.layer_decay", 0.8),
    *("--optimizer.no_decay_on_norms_and_biases", "true", "--distributed.find_unused_parameters", "true"),
    *("--step.ema_decay", 0.9),
)
SHIFTS = ("--data.augment", '[{"name": "random_crop", "args": {"padding": 1}}]')


@pytest.mark.parametrize(
    ("ranks", "options", "deaths"),
    [
        # Step 8, and after going on from step 5 the first of the second epoch; then, from 25, step 32.
        pytest.param(2, (), "1:8,0:18,1:7", id="two ranks, in mid-epoch and at the end of an epoch"),
        # An even pass is the second part of a step.
        pytest.param(1, ACCUMULATING, "0:16,0:40", id="in mid-accumulation, loader processes and a moving average"),
        pytest.param(2, (*ACCUMULATING, "--checkpoint.every_steps", "null"), "1:80", id="checkpoints at epochs alone"),
        pytest.param(2, (*MIXING, *SHIFTS), "0:13", id="mixed, shifted and clipped"),
        pytest.param(2, ("--distributed.comm_hook", "powersgd"), "1:13", id="compressed gradients with error feedback"),
        pytest.param(2, GROUPED, "1:13", id="frozen layers, groups of parameters and DDP that looks for unused ones"),
        # Rings of three and more add in an order that depends on DDP's buckets.
        pytest.param(4, (), "2:13", id="four ranks"),
    ],
)
def test_a_killed_run_ends_as_if_nothing_had_happened(
    ranks: int, options: tuple[object, ...], deaths: str, tmp_path: Path
) -> None:
    # Interpreters that are started anew differ from forks, and from each other, in the order of sets and in all that
    # nobody has seeded.
    workers = sys.executable if not options and ranks == 2 else ""
    whole = train(tmp_path, "whole", ranks, *MORTAL, *SAVES, *options)
    killed = train(tmp_path, "killed", ranks, *MORTAL, *SAVES, *options, deaths=deaths, workers=workers)
    assert_same(whole, killed)
    attempts = [json.loads(line) for line in (killed / "attempts.jsonl").read_text().splitlines()]
    assert len(attempts) == 1 + deaths.count(":")
    assert attempts[-1]["from_step"] > 0


def test_the_number_of_ranks_changes_nothing_but_rounding(tmp_path: Path) -> None:
    # Adam divides a gradient by its own size, so where it is nothing but rounding it becomes a whole step.
    learning = ("--model.args.dropout", 0, "--optimizer", SGD, "--max_steps", 24)
    options = (*learning, "--metrics.log_every", 1, "--metrics.sample_log", "true")
    runs = {ranks: train(tmp_path, f"of-{ranks}", ranks, *options) for ranks in (1, 2, 4)}
    steps, losses = {}, {}
    for ranks, run in runs.items():
        logs = [path.read_text().splitlines() for path in sorted(run.glob("samples-*.csv"))]
        assert len(logs) == ranks
        shares = [[line.partition(",")[2] for line in log] for log in logs]
        steps[ranks] = [",".join(share) for share in zip(*shares, strict=True)]
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        losses[ranks] = [row["loss"] for row in rows]
    assert len(steps[1]) == 24
    assert steps[1] == steps[2] == steps[4]
    assert losses[2] == pytest.approx(losses[1], abs=1e-5)
    assert losses[4] == pytest.approx(losses[1], abs=1e-5)
