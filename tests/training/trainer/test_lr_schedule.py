import pytest
import torch

from torchferry.errors import UserError
from torchferry.training.config.recipe import ScheduleConfig
from torchferry.training.trainer.lr_schedule import build_schedule


def rates(config: ScheduleConfig, steps: int) -> list[float]:
    """The learning rate of each step, for a base of 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = build_schedule(config, optimizer, steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_warm_up_rises_to_one_and_cosine_falls_to_zero() -> None:
    found = rates(ScheduleConfig(name="cosine", warmup_steps=4), 20)
    assert found[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert found[12] == pytest.approx(0.5)
    assert found[4:] == sorted(found[4:], reverse=True)
    assert found[19] < 0.02


def test_constant_stays() -> None:
    assert set(rates(ScheduleConfig(name="constant"), 9)) == {1.0}


def test_linear_ends_where_it_is_told() -> None:
    found = rates(ScheduleConfig(name="linear", args={"end": 0.5}), 10)
    assert found[5] == pytest.approx(0.75)


def test_step_falls_at_its_milestones() -> None:
    found = rates(ScheduleConfig(name="step", args={"milestones": [0.5, 0.75], "gamma": 0.1}), 8)
    assert found == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.01, 0.01])


def test_triangular_peaks_where_it_is_told() -> None:
    found = rates(ScheduleConfig(name="triangular", args={"peak": 0.5, "start": 0.0}), 8)
    assert found == pytest.approx([0, 0.25, 0.5, 0.75, 1, 0.75, 0.5, 0.25])


@pytest.mark.parametrize("name", ["StepLR", "torch.optim.lr_scheduler.StepLR"])
def test_torchs_own_go_by_name(name: str) -> None:
    assert rates(ScheduleConfig(name=name, args={"step_size": 2}), 4) == pytest.approx([1, 1, 0.1, 0.1])


@pytest.mark.parametrize(
    ("config", "shares"),
    [
        (ScheduleConfig(name="cosine", warmup_steps=4), 1),
        (ScheduleConfig(name="StepLR", args={"step_size": 3}), 1),
        (ScheduleConfig(name="OneCycleLR", args={"max_lr": 2, "total_steps": 8}), 1),
        (ScheduleConfig(name="torch.optim.lr_scheduler.CyclicLR", args={"base_lr": 0.5, "max_lr": 2}), 1),
        (ScheduleConfig(name="OneCycleLR", args={"max_lr": [2, 2], "total_steps": 8}), 10),
    ],
)
def test_each_groups_own_rate_is_multiplied(config: ScheduleConfig, shares: float) -> None:
    """But where the recipe gives each group its own."""
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr": rate} for rate in (1.0, 0.1)]
    optimizer = torch.optim.SGD(groups, lr=1.0, momentum=0.5)
    scheduler = build_schedule(config, optimizer, 8)
    for _ in range(8):
        whole, tenth = (group["lr"] for group in optimizer.param_groups)
        assert tenth * 10 == pytest.approx(whole * shares)
        optimizer.step()
        scheduler.step()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (ScheduleConfig(name="zigzag"), "schedule.name: 'zigzag' is not one of"),
        (ScheduleConfig(name="cosine", args={"ends": 1}), "schedule.args.ends: unknown argument of cosine"),
        (ScheduleConfig(name="step", args={"milestones": [5]}), "are not shares of the run"),
        (ScheduleConfig(name="cosine", every="epoch"), "cosine goes by steps"),
        (ScheduleConfig(name="StepLR", args={"step_size": 2}, warmup_steps=3), "schedule.warmup_steps"),
        (ScheduleConfig(name="ReduceLROnPlateau"), "waits for evaluations"),
    ],
)
def test_what_cannot_be_is_named(config: ScheduleConfig, words: str) -> None:
    with pytest.raises(UserError, match=words):
        rates(config, 4)
