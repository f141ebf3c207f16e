"""Restoring a training state from a checkpoint, and refusal of checkpoints of another model."""

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed.checkpoint as dcp
from torch import nn

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DistributedConfig, OptimizerConfig, ScheduleConfig, StepConfig
from torchferry.training.progress import Progress
from torchferry.training.trainer.train_state import collect, restore, seed_everything
from torchferry.training.trainer.train_step import Step
from torchferry.training.trainer.wrap_ddp import assemble

pytestmark = pytest.mark.usefixtures("alone")
MOMENTUM = OptimizerConfig(name="SGD", args={"lr": 0.1, "momentum": 0.9})


def step_of(runs_dir: Path, seed: int = 0, **changes: Any) -> Step:
    given: dict[str, Any] = {"optimizer": MOMENTUM, "step": StepConfig(ema_decay=0.9), "epochs": 9, "seed": seed}
    return assemble(tiny.build(runs_dir=runs_dir, **given | changes))


def train(step: Step, steps: int) -> None:
    feed = tiny.build(data={"batch_size": 8}).feed
    for _ in range(steps):
        step(feed.epoch(0, 0), 0, measure=False)


def saved(step: Step, folder: Path, sums: torch.Tensor) -> Path:
    dcp.save(collect(step, tiny.ALONE, sums), checkpoint_id=folder)
    return folder


def everything(step: Step) -> dict[str, Any]:
    assert step.ema is not None
    weights = dict(step.model.state_dict())
    averages = {f"ema {name}": value for name, value in step.ema.state_dict().items()}
    momenta = {f"momentum {i}": value["momentum_buffer"] for i, value in step.optimizer.state_dict()["state"].items()}
    return weights | averages | momenta | {"skipped": step.guard.skipped}


GROUPED = OptimizerConfig(
    name="SGD",
    args={"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01},
    groups=[{"match": "bias", "lr": 0.5, "momentum": 0.5}],
    no_decay_on_norms_and_biases=True,
)


@pytest.mark.parametrize("optimizer", [MOMENTUM, GROUPED], ids=["one group", "groups"])
def test_a_step_goes_on_as_if_nothing_had_happened(optimizer: OptimizerConfig, tmp_path: Path) -> None:
    first, sums = step_of(tmp_path, optimizer=optimizer), torch.tensor([1.5, 2])
    train(first, 3)
    first.guard.skipped += 4
    path = saved(first, tmp_path / "saved", sums)
    train(first, 1)
    second, found = step_of(tmp_path, seed=1, optimizer=optimizer), torch.zeros(2)
    restore(path, Progress(), second, tiny.ALONE, found)
    assert found.tolist() == [1.5, 2]
    assert second.scheduler.last_epoch == 3
    train(second, 1)
    weights, others = everything(first), everything(second)
    assert len(weights) == 8
    assert all(torch.equal(value, others[name]) for name, value in weights.items())
    theirs, mine = ([group | {"params": None} for group in each.optimizer.param_groups] for each in (first, second))
    assert len(mine) == (1 if optimizer is MOMENTUM else 2)
    assert mine == theirs


class Late(nn.Linear):
    """A layer takes part after five passes."""

    def __init__(self) -> None:
        super().__init__(3, 3)
        self.late, self.passes = nn.Linear(3, 3), 0

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.passes += self.training
        outputs = super().forward(inputs)
        return outputs + self.late(inputs) if self.passes > 5 else outputs


@pytest.mark.filterwarnings("ignore:find_unused_parameters")
@pytest.mark.parametrize("name", ["AdamW", "Rprop", "SGD"])
def test_a_parameter_that_was_not_used_yet_has_no_optimizer_state_after_a_restart_either(
    name: str, tmp_path: Path
) -> None:
    optimizer = OptimizerConfig(name=name, args={"momentum": 0.9, "dampening": 0.5} if name == "SGD" else {})
    changes: dict[str, Any] = {
        "optimizer": optimizer,
        "model": Component(name=f"{__name__}.Late"),
        "distributed": DistributedConfig(find_unused_parameters=True),
    }
    first, second = step_of(tmp_path, **changes), step_of(tmp_path, seed=1, **changes)
    train(first, 3)
    path = saved(first, tmp_path / "saved", torch.zeros(2))
    restore(path, Progress(), second, tiny.ALONE, torch.zeros(2))
    assert len(second.optimizer.state) == len(first.optimizer.state) == 2
    for step in (first, second):
        step.model.module.network.passes = 3
        train(step, 4)
    assert len(first.optimizer.state) == 4
    assert all(map(torch.equal, first.model.parameters(), second.model.parameters()))
    other = step_of(tmp_path, **changes | {"optimizer": OptimizerConfig(name="Adagrad")})
    with pytest.raises(UserError, match=r"it has no optimizer\.state"):
        restore(path, Progress(), other, tiny.ALONE, torch.zeros(2))


def test_random_numbers_go_on_where_they_stood(tmp_path: Path) -> None:
    step, sums = step_of(tmp_path), torch.zeros(1)
    path = saved(step, tmp_path / "saved", sums)
    expected = drawn()
    seed_everything(99)
    restore(path, Progress(), step, tiny.ALONE, sums)
    assert drawn() == expected


def drawn() -> tuple[float, float, float]:
    return random.random(), np.random.random(), torch.rand(()).item()


def test_with_another_number_of_ranks_what_is_each_ranks_own_starts_anew(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    train(step, 1)
    path = saved(step, tmp_path / "saved", torch.ones(2))
    weights = {name: value.clone() for name, value in step.model.state_dict().items()}
    seed_everything(5)
    expected = drawn()
    seed_everything(5)
    other, found = step_of(tmp_path, seed=1), torch.zeros(2)
    seed_everything(5)
    restore(path, Progress(world_size=2), other, tiny.ALONE, found)
    assert found.tolist() == [0, 0]
    assert drawn() == expected
    assert all(torch.equal(value, weights[name]) for name, value in other.model.state_dict().items())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": Component(name="mlp", args={"widths": [3, 3]})}, "another model, which has model.network.weight as"),
        ({"source": "sums", "task": "regression"}, r"its model.network.weight is \[3, 3\], this one's is \[1, 3\]"),
        ({"optimizer": OptimizerConfig(name="Adam")}, "is of another model or recipe: it has no optimizer.state"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = saved(step_of(tmp_path), tmp_path / "saved", torch.zeros(1))
    other = step_of(tmp_path, **changes)
    before = [parameter.clone() for parameter in other.model.parameters()]
    with pytest.raises(UserError, match=words):
        restore(path, Progress(), other, tiny.ALONE, torch.zeros(1))
    assert all(map(torch.equal, before, other.model.parameters()))


def test_a_shard_that_is_damaged_is_one_line(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    path = saved(step, tmp_path / "saved", torch.zeros(1))
    (shard,) = path.glob("*.distcp")
    shard.write_bytes(b"")
    with pytest.raises(UserError, match=r"saved/__0_0\.distcp: cannot be read: ") as refused:
        restore(path, Progress(), step, tiny.ALONE, torch.zeros(1))
    assert "\n" not in str(refused.value)


def test_each_rank_keeps_its_own_under_its_number(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    assert "rank0" in collect(step, tiny.ALONE, torch.zeros(1))
    state = collect(step, replace(tiny.ALONE, rank=3), torch.zeros(1))
    assert "rank3" in state
    assert "rank0" not in state


@pytest.mark.parametrize("seed", [0, 2**32 + 1, 2**63 - 1])
def test_one_seed_decides_all_generators(seed: int) -> None:
    seed_everything(seed)
    first = drawn()
    seed_everything(seed)
    assert drawn() == first
    seed_everything(seed - 1 if seed else 1)
    assert not set(drawn()) & set(first)


@pytest.mark.parametrize(
    "schedule",
    [
        ScheduleConfig(name="cosine"),
        ScheduleConfig(name="StepLR", args={"step_size": 2, "gamma": 0.5}),
        ScheduleConfig(name="OneCycleLR", args={"max_lr": 0.3, "total_steps": 40}),
        ScheduleConfig(name="CosineAnnealingWarmRestarts", args={"T_0": 4}),
    ],
)
def test_a_new_run_has_its_own_settings_at_the_step_where_the_checkpoint_stands(
    schedule: ScheduleConfig, tmp_path: Path
) -> None:
    first = step_of(tmp_path, epochs=20)
    train(first, 3)
    path = saved(first, tmp_path / "saved", torch.zeros(2))
    optimizer = OptimizerConfig(name="SGD", args={"lr": 0.2, "momentum": 0.5, "weight_decay": 0.01})
    steady, found = (step_of(tmp_path, epochs=20, optimizer=optimizer, schedule=schedule) for _ in range(2))
    train(steady, 3)
    restore(path, Progress(step=3), found, tiny.ALONE, torch.zeros(2), settings=False)
    for key in ("lr", "momentum", "weight_decay"):
        assert found.optimizer.param_groups[0][key] == steady.optimizer.param_groups[0][key], key
    train(steady, 1)
    train(found, 1)
    assert found.optimizer.param_groups[0]["lr"] == steady.optimizer.param_groups[0]["lr"]


def test_with_the_same_settings_a_new_run_takes_the_steps_of_the_old_one(tmp_path: Path) -> None:
    first = step_of(tmp_path)
    train(first, 3)
    path = saved(first, tmp_path / "saved", torch.zeros(2))
    second = step_of(tmp_path, seed=1)
    restore(path, Progress(step=3), second, tiny.ALONE, torch.zeros(2), settings=False)
    train(first, 2)
    train(second, 2)
    expected, found = everything(first), everything(second)
    assert all(torch.equal(value, expected[name]) for name, value in found.items())
