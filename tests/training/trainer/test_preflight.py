"""The preflight step on copies refuses models, losses and data that do not fit, and leaves the originals unchanged."""

import warnings
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn

from tests.training import nets, tiny
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DistributedConfig, OptimizerConfig, ScheduleConfig
from torchferry.training.data.source import ImageInput, Source, TargetScale
from torchferry.training.models.normalized import Normalized
from torchferry.training.tasks import task_for
from torchferry.training.trainer.losses import build_loss
from torchferry.training.trainer.preflight import blank_batch, try_step

CORNERS = tiny.corners()


class Restless(nn.Linear):
    """Warns whenever it is called."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        warnings.warn("not again", UserWarning, stacklevel=2)
        return super().forward(inputs)


class Idle(nn.Linear):
    """Has a weight that it does not use."""

    def __init__(self) -> None:
        super().__init__(3, 3)
        self.unused = nn.Parameter(torch.zeros(1))


class Detached(nn.Linear):
    """Gives no gradient in evaluation."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs = super().forward(inputs)
        return outputs if self.training else outputs.detach()


class Constant(nn.Module):
    """A loss that looks at nothing."""

    def forward(self, *_: torch.Tensor) -> torch.Tensor:
        return torch.zeros(())


def attempt(
    network: nn.Module,
    loss: nn.Module | None = None,
    source: Source = CORNERS,
    task: str = "classification",
    share: int = 8,
    **changes: Any,
) -> Normalized:
    """Returns the model, which was tried for a run of 9 steps."""
    model = Normalized(network, source.input, source.target_scale)
    recipe = tiny.recipe(task=task, **changes)
    try_step(recipe, source, task_for(task, {}, source), model, loss or nn.CrossEntropyLoss(), share, 9)
    return model


def test_what_fits_is_left_as_it_was() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    model = attempt(network)
    assert len(before) == 7
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert [weight.grad for weight in network.parameters()] == [None] * 4
    assert model.training


def test_what_a_network_warns_of_is_not_said_here(recwarn: pytest.WarningsRecorder) -> None:
    attempt(Restless(3, 3))
    assert not recwarn.list


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (nn.Linear(3, 4), r"model: gives \[4\] per sample, not one output for each of 3 classes; see its args"),
        (nn.Flatten(0), r"model: gives \[\] per sample, not one output for each of 3 classes"),
        (nn.LSTM(3, 3), "model: gives tuple per sample, not one output"),
        (nn.Linear(5, 3), r"model: does not take samples of shape \[3\]: RuntimeError: "),
        (Idle(), "model: unused takes no part in evaluation, so ranks would wait for it; remove it"),
        (Detached(3, 3), "model: has no gradient in evaluation, from which ranks learn their order: Runtime"),
        (nets.Normed(), "model: cannot be copied: RuntimeError: Only Tensors created"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(network: nn.Module, words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        attempt(network)
    assert "\n" not in str(refused.value)


def test_a_weight_that_is_not_used_is_ddps_to_find_if_the_recipe_says() -> None:
    attempt(Idle(), distributed=DistributedConfig(find_unused_parameters=True))
    with pytest.raises(UserError, match=r"remove it, or set distributed\.find_unused_parameters to true$"):
        attempt(Idle())


def test_a_network_that_needs_more_than_one_sample_is_refused_where_ranks_get_one() -> None:
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    attempt(network, share=2)
    with pytest.raises(UserError, match=r"samples of shape \[3\] in training: ValueError: Expected more than 1 value"):
        attempt(network, share=1)


@pytest.mark.parametrize(
    ("task", "source", "words"),
    [
        ("regression", tiny.sums(), r"gives \[3\] per sample, not one output; see"),
        ("binary", Source(**vars(CORNERS) | {"labels": ("a", "b")}), r"gives \[3\] per sample, not one output; see"),
    ],
)
def test_the_outputs_are_named_as_the_task_has_them(task: str, source: Source, words: str) -> None:
    with pytest.raises(UserError, match=words):
        attempt(nn.Linear(3, 3), source=source, task=task)


@pytest.mark.parametrize("network", [nn.Linear(3, 3), nn.LSTM(3, 1), nn.Flatten(0)])
def test_a_network_that_does_not_fit_scaled_targets_is_refused_as_others_are(network: nn.Module) -> None:
    scaled = replace(tiny.sums(), target_scale=TargetScale(mean=(1.7e9,), std=(300,)))
    attempt(nn.Linear(3, 1), source=scaled, task="regression", loss=nn.MSELoss())
    with pytest.raises(UserError, match=r"model: gives .* per sample, not one output; see its args"):
        attempt(network, source=scaled, task="regression")


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (nn.CrossEntropyLoss(reduction="none"), r"loss: gives a tensor of shape \[2\], not one number; reduce it"),
        (nn.CrossEntropyLoss(reduction="sum"), "loss: grows with the batch, so it would depend on the number of ranks"),
        (nn.CrossEntropyLoss(weight=torch.ones(2)), "loss: does not take what the model gives and classes: "),
        (Constant(), "loss: has no gradient: RuntimeError"),
    ],
)
def test_a_loss_that_does_not_fit_is_refused(loss: nn.Module, words: str) -> None:
    with pytest.raises(UserError, match=words):
        attempt(nn.Linear(3, 3), loss)


class Hardest(nn.CrossEntropyLoss):
    """The mean over the two samples that are worst."""

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nn.functional.cross_entropy(outputs, targets, reduction="none").topk(2).values.mean()


class WrongDivisor(nn.CrossEntropyLoss):
    """Says that it gives a sum, and gives a mean."""

    def divisor(self, targets: torch.Tensor) -> torch.Tensor:
        return torch.tensor(len(targets))


@pytest.mark.parametrize("loss", [Hardest(), nn.CrossEntropyLoss(torch.tensor([1.0, 1.0, 50.0]))])
def test_a_loss_that_depends_on_its_batch_is_refused_where_batches_are_shared(loss: nn.Module) -> None:
    attempt(nn.Linear(3, 3), loss, share=4)  # a whole batch
    with pytest.raises(UserError, match="not the mean of two halves, so it would depend on the number of ranks and on"):
        attempt(nn.Linear(3, 3), loss, share=2)


def test_a_divisor_that_is_none_is_refused() -> None:
    attempt(nn.Linear(3, 3), build_loss(Component(name="nll", args={"weight": [1, 2, 3]}), tiny.task()), share=2)
    with pytest.raises(UserError, match="loss: its sum, or its divisor, over a batch is not that of two halves"):
        attempt(nn.Linear(3, 3), WrongDivisor())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": OptimizerConfig(name="SparseAdam")}, "optimizer: cannot take a step: RuntimeError: SparseAdam"),
        ({"optimizer": OptimizerConfig(name="SGD", args={"lr": -1})}, "optimizer: SGD could not be built: ValueError"),
        (
            {"schedule": ScheduleConfig(name="OneCycleLR", args={"max_lr": 1, "total_steps": 8})},
            "schedule.args.total_steps: 8 end before the run's 9 steps",
        ),
        (
            {"data": {"mixup": 0.2}},
            "data.mixup, data.cutmix: blend images, and this data.source has none",
        ),
    ],
)
def test_what_cannot_take_a_step_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        attempt(nn.Linear(3, 3), **changes)


def test_a_schedule_may_last_just_as_long_as_the_run() -> None:
    attempt(nn.Linear(3, 3), schedule=ScheduleConfig(name="OneCycleLR", args={"max_lr": 1, "total_steps": 9}))


def images(mode: Any) -> Source:
    grey = ImageInput(mode=mode, height=8, width=8, mean=(0.5,), std=(0.5,))
    return Source(**vars(CORNERS) | {"input": grey})


def test_images_are_augmented_and_blended_as_in_training() -> None:
    augment = [Component(name="random_crop", args={"padding": 2})]
    data = {"augment": augment, "mixup": 0.2, "cutmix": 1.0}
    attempt(nn.Sequential(nn.Flatten(), nn.Linear(64, 3)), source=images("L"), data=data)
    rows = {"augment": [Component(name="rotation", args={"degrees": 5})]}
    with pytest.raises(UserError, match=r"data\.augment: does not take this data.source's images"):
        attempt(nn.Linear(3, 3), data=rows)


def test_blank_batches_are_what_a_feed_or_a_blend_gives() -> None:
    inputs, targets = blank_batch(images("RGB"), tiny.task(), 2, soft=False)
    assert (inputs.shape, inputs.dtype, targets.tolist()) == ((2, 3, 8, 8), torch.uint8, [0, 0])
    _, targets = blank_batch(CORNERS, tiny.task(labels=4), 2, soft=True)
    assert targets.tolist() == [[0.25] * 4] * 2
