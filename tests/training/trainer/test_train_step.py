"""A step is the one that plain torch takes, however many batches it is accumulated from."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from tests.training import tiny
from torchferry.training.config.recipe import ScheduleConfig, StepConfig
from torchferry.training.data.collate import Batch
from torchferry.training.data.mix import Mix
from torchferry.training.trainer.train_step import Step
from torchferry.training.trainer.wrap_ddp import assemble

pytestmark = pytest.mark.usefixtures("alone")
CONSTANT = ScheduleConfig(name="constant")
INPUTS, TARGETS = torch.tensor([[1.0, 0, 0], [0, 2, 0], [0, 0, 3], [1, 1, 1]]), torch.tensor([0, 1, 2, 0])


def step_of(runs_dir: Path, schedule: ScheduleConfig = CONSTANT, **config: Any) -> Step:
    return assemble(tiny.build(runs_dir=runs_dir, step=StepConfig(**config), schedule=schedule))


def take(step: Step, *batches: tuple[torch.Tensor, torch.Tensor], measure: bool = False) -> Any:
    feed = (Batch(inputs, targets, torch.arange(len(inputs)), 0, []) for inputs, targets in batches)
    return step(feed, 0, measure=measure)


def weight(step: Step) -> torch.Tensor:
    weight = step.model.module.network.weight
    assert isinstance(weight, torch.Tensor)
    return weight.detach().clone()


def gradient(step: Step) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The loss by plain torch, and what it gives for weight and bias."""
    network = step.model.module.network
    loss = functional.cross_entropy(network(INPUTS), TARGETS)
    weight, bias = torch.autograd.grad(loss, [network.weight, network.bias])
    return loss.detach(), weight, bias


def test_a_step_moves_the_weights_as_plain_torch_does(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    before, (expected, slope, _) = weight(step), gradient(step)
    loss, norm = take(step, (INPUTS, TARGETS))
    assert torch.allclose(loss, expected)
    assert torch.allclose(weight(step), before - 0.1 * slope)
    assert (norm, step.learning_rate) == (None, 0.1)


def test_accumulated_batches_give_the_step_of_all_of_them_together(tmp_path: Path) -> None:
    whole, parts = step_of(tmp_path), step_of(tmp_path, accumulate=2)
    assert torch.equal(weight(whole), weight(parts))
    loss, _ = take(whole, (INPUTS, TARGETS))
    mean, _ = take(parts, (INPUTS[:2], TARGETS[:2]), (INPUTS[2:], TARGETS[2:]))
    assert torch.allclose(mean, loss)
    assert torch.allclose(weight(parts), weight(whole))


def test_no_gradient_is_left_for_the_next_step(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    take(step, (INPUTS, TARGETS))
    assert [parameter.grad for parameter in step.model.parameters()] == [None, None]


def test_the_norm_is_of_all_gradients_before_they_are_clipped(tmp_path: Path) -> None:
    step = step_of(tmp_path, clip_norm=0.01)
    before, (_, *slopes) = weight(step), gradient(step)
    _, norm = take(step, (INPUTS, TARGETS))
    assert torch.allclose(norm, torch.cat([slope.flatten() for slope in slopes]).norm())
    assert torch.allclose(weight(step), before - 0.1 * slopes[0] * 0.01 / norm, atol=1e-7)


def test_the_norm_and_the_time_of_the_forward_pass_are_there_when_they_are_asked_for(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    _, norm = take(step, (INPUTS, TARGETS), measure=True)
    assert norm > 0
    assert step.forward_seconds > 0


def test_a_step_whose_gradients_are_not_finite_is_left_out_and_counted(tmp_path: Path) -> None:
    step = step_of(tmp_path, skip_nonfinite=3)
    take(step, (INPUTS, TARGETS))
    before = weight(step)
    take(step, (INPUTS * torch.inf, TARGETS))
    assert torch.equal(weight(step), before)
    take(step, (INPUTS, TARGETS))
    assert not torch.equal(weight(step), before)
    assert step.guard.skipped.tolist() == [1, 0, 1]


def test_the_moving_average_follows_and_is_what_is_saved(tmp_path: Path) -> None:
    step = step_of(tmp_path, ema_decay=0.9)
    assert step.ema is not None
    take(step, (INPUTS, TARGETS))
    first = weight(step)
    assert torch.equal(step.trained.network.weight, first)  # type: ignore[arg-type]
    take(step, (INPUTS, TARGETS))
    assert torch.allclose(step.trained.network.weight, 0.9 * first + 0.1 * weight(step))  # type: ignore[arg-type]
    plain = step_of(tmp_path)
    assert plain.trained is plain.model.module


@pytest.mark.parametrize(("every", "rates"), [("step", [0.1, 0.05, 0.025]), ("epoch", [0.1, 0.1, 0.05])])
def test_the_schedule_moves_with_steps_or_with_epochs(every: Any, rates: list[float], tmp_path: Path) -> None:
    schedule = ScheduleConfig(name="StepLR", every=every, args={"step_size": 1, "gamma": 0.5})
    step, found = step_of(tmp_path, schedule), []
    for ended in (False, True, False):
        take(step, (INPUTS, TARGETS))
        found.append(step.learning_rate)
        if ended:
            step.epoch_ended()
    assert found == pytest.approx(rates)


def test_mixed_batches_are_blended_by_their_epoch_and_number_and_lose_the_neighbour(tmp_path: Path) -> None:
    step = step_of(tmp_path)
    network, asked = step.model.module.network, []

    class Halves(Mix):
        def __call__(self, inputs: Any, targets: Any, epoch: int, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
            asked.append((epoch, batch))
            return inputs[1:] / 2, functional.one_hot(targets[1:], 3).float()

    step.mix = Halves(0.2, 0, 3, 0)
    expected = functional.cross_entropy(network(INPUTS[1:] / 2), TARGETS[1:]).detach()
    loss, _ = step(iter([Batch(INPUTS, TARGETS, torch.arange(4), 7, [])]), 2, measure=False)
    assert torch.allclose(loss, expected)
    assert asked == [(2, 7)]
