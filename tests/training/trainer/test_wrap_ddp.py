"""A run's parts become the step that its recipe describes, and putting them together moves nothing."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributed.algorithms.ddp_comm_hooks.powerSGD_hook import PowerSGDState

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DistributedConfig, OptimizerConfig, ScheduleConfig, StepConfig
from torchferry.training.data.source import ImageInput, Source
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.evaluation import evaluate
from torchferry.training.trainer.build import Run
from torchferry.training.trainer.train_step import Step
from torchferry.training.trainer.wrap_ddp import assemble


@pytest.fixture(autouse=True)
def settings() -> Iterator[None]:
    """Torch's, which are the process's own and not a run's."""
    yield
    torch.set_float32_matmul_precision("highest")
    torch.use_deterministic_algorithms(False)
    torch.backends.cudnn.benchmark = False


def images() -> Source:
    source = tiny.corners()
    pictures = torch.utils.data.TensorDataset(torch.zeros(8, 3, 4, 4, dtype=torch.uint8), torch.arange(8) % 3)
    image = ImageInput(mode="RGB", height=4, width=4, mean=(0.5,) * 3, std=(0.5,) * 3)
    return Source(train=pictures, test=pictures, labels=source.labels, input=image)


class Restless(nn.Sequential):
    """Has statistics, dropout, and a buffer of every forward pass in training."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3))


class Convolving(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(8, 3))


def parts(rank_info: RankInfo, net: type[nn.Module] | None = None, **changes: Any) -> Run:
    if net is not None:
        changes["model"] = Component(name=f"{net.__module__}.{net.__qualname__}")
    return tiny.build(rank_info=rank_info, **changes)


def trained(step: Step, batches: int = 1) -> torch.Tensor:
    run_on = iter(tiny.build().feed.epoch(0, 0))
    for _ in range(batches):
        step(run_on, 0, measure=False)
    return step.trained.network.get_parameter("weight").detach().clone()


def test_nothing_has_moved_when_the_first_step_begins(alone: RankInfo) -> None:
    run = parts(alone, Restless)
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    numbers = torch.get_rng_state()
    step = assemble(run)
    assert torch.equal(torch.get_rng_state(), numbers)
    assert all(torch.equal(value, before[name]) for name, value in step.trained.state_dict().items())
    assert all(weight.grad is None for weight in step.model.parameters())
    assert all(module.training for module in step.model.modules())


def test_a_step_trains_the_network_that_is_evaluated(alone: RankInfo) -> None:
    step = assemble(parts(alone))
    before = step.trained.network.get_parameter("weight").detach().clone()
    assert step.trained is step.model.module
    assert not torch.equal(trained(step), before)


def test_with_an_average_that_is_what_is_evaluated(alone: RankInfo) -> None:
    step = assemble(parts(alone, step=StepConfig(ema_decay=0.75)))
    before = step.trained.network.get_parameter("weight").detach().clone()
    average, network = trained(step, 2), step.model.module.network.weight.detach()
    assert step.trained is not step.model.module
    assert not torch.equal(average, network)
    assert (average - before).norm() < (network - before).norm()


@pytest.mark.parametrize(("precision", "scales"), [("fp32", False), ("bf16", False), ("fp16", True)])
def test_the_loss_is_scaled_in_half_precision_alone(precision: Any, scales: bool, alone: RankInfo) -> None:
    assert assemble(parts(alone, step=StepConfig(precision=precision))).scaler.is_enabled() == scales


@pytest.mark.parametrize("every", ["step", "epoch"])
def test_the_learning_rate_moves_when_the_recipe_says(every: Any, alone: RankInfo) -> None:
    schedule = ScheduleConfig(name="StepLR", every=every, args={"step_size": 1, "gamma": 0.5})
    fast = OptimizerConfig(name="SGD", args={"lr": 0.5})
    step = assemble(parts(alone, schedule=schedule, optimizer=fast))
    trained(step, 2)
    step.epoch_ended()
    assert step.optimizer.param_groups[0]["lr"] == (0.125 if every == "step" else 0.25)


def test_gradients_travel_as_the_recipe_says(alone: RankInfo) -> None:
    whole = trained(assemble(parts(alone)))
    for hook in ("fp16", "bf16"):
        step = assemble(parts(alone, distributed=DistributedConfig(comm_hook=hook)))
        assert step.comm_state is None
        rounded = trained(step)
        assert not torch.equal(rounded, whole)
        assert torch.allclose(rounded, whole, atol=1e-2)
    step = assemble(parts(alone, distributed=DistributedConfig(comm_hook="powersgd", powersgd_rank=2)))
    assert isinstance(step.comm_state, PowerSGDState)
    assert step.comm_state.matrix_approximation_rank == 2


@pytest.mark.parametrize("last", [False, True])
def test_images_lie_channels_last_if_the_recipe_says(last: bool, alone: RankInfo) -> None:
    data = {"source": Component(name=f"{__name__}.images")}
    step = assemble(parts(alone, Convolving, data=data, step=StepConfig(channels_last=last)))
    weight = step.trained.network.get_parameter("0.weight")
    assert weight.is_contiguous(memory_format=torch.channels_last) == last


def test_torch_is_set_as_the_recipe_says(alone: RankInfo) -> None:
    assemble(parts(alone, deterministic=True, step=StepConfig(matmul_precision="medium")))
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    assert torch.get_float32_matmul_precision() == "medium"
    assemble(parts(alone))
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark
    assert torch.get_float32_matmul_precision() == "highest"


def test_frozen_layers_stay_bit_for_bit_in_the_network_and_in_its_average(alone: RankInfo) -> None:
    run = parts(alone, Restless, freeze=["0.*", "1.*"], step=StepConfig(ema_decay=0.3))
    before = {name: value.clone() for name, value in run.model.network.state_dict().items()}
    step = assemble(run)
    batches = iter(tiny.build().feed.epoch(0, 0))
    for _ in range(2):
        step(batches, 0, measure=False)
        evaluate(step.trained, run.evaluation, run.task, alone)  # and back to training
    for network in (step.model.module.network, step.trained.network):
        same = {name for name, value in network.state_dict().items() if torch.equal(value, before[name])}
        assert same == before.keys() - {"3.weight", "3.bias"}


def test_groups_rates_are_those_of_the_step_that_was_taken(alone: RankInfo) -> None:
    optimizer = OptimizerConfig(name="SGD", args={"lr": 0.5}, groups=[{"match": "bias", "lr": 0.25}])
    schedule = ScheduleConfig(name="StepLR", args={"step_size": 1, "gamma": 0.5})
    step = assemble(parts(alone, optimizer=optimizer, schedule=schedule))
    trained(step, 2)
    assert step.learning_rates == {"rest": 0.25, "bias": 0.125}
    assert step.learning_rate == 0.25


def test_ddp_looks_for_unused_parameters_if_the_recipe_says(alone: RankInfo) -> None:
    for find in (False, True):
        step = assemble(parts(alone, distributed=DistributedConfig(find_unused_parameters=find)))
        assert step.model.find_unused_parameters == find


def test_a_network_that_ranks_cannot_share_is_refused(alone: RankInfo) -> None:
    run = parts(alone)
    run.model.network.register_parameter("sparse", nn.Parameter(torch.zeros(2).to_sparse()))
    with pytest.raises(UserError, match=r"^model: cannot be trained by DDP: "):
        assemble(run)
