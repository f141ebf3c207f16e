"""A first step with copies and blank samples: what does not fit together is known before any rank waits for another."""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils import _pytree as pytree

from torchferry.contract.tasks import name_of
from torchferry.errors import UserError
from torchferry.training.checkpointing.checkpoint_reader import check_readable
from torchferry.training.config.instantiate import one_line
from torchferry.training.config.recipe import Recipe
from torchferry.training.data.augment import Augment
from torchferry.training.data.mix import Mix
from torchferry.training.data.source import ImageInput, Source, blank
from torchferry.training.data.varying_inputs import VaryingInput
from torchferry.training.models.normalized import Normalized
from torchferry.training.state import _Kept
from torchferry.training.tasks.task import Raw, Targets, TrainingTask
from torchferry.training.trainer.check_lengths import check_lengths
from torchferry.training.trainer.divided_loss import DividedLoss
from torchferry.training.trainer.lr_schedule import build_schedule
from torchferry.training.trainer.optimizer import build_optimizer

MOST = 2**22
"""Numbers of a batch that is halved, so that large outputs of many classes do not fill the memory."""
TRIES = 3
"""Ways in which a batch is halved."""


def try_step(
    recipe: Recipe, source: Source, task: TrainingTask, model: Normalized, loss: nn.Module, share: int, total_steps: int
) -> None:
    """Try what a rank does with its `share` of a batch, on two samples of it at the most. Raises UserError."""
    mixes = bool(recipe.data.mixup or recipe.data.cutmix)
    if mixes and not task.mixes:
        kind = name_of(type(task.task))
        raise UserError(f"data.mixup, data.cutmix: blend classes, so they do not go with task {kind}")
    with _blamed("model: cannot be copied"):
        model, loss = copy.deepcopy(model), copy.deepcopy(loss)  # the step changes weights, buffers and gradients
    inputs, _ = blank_batch(source, task, min(share, 2) + mixes, soft=False)
    if recipe.data.augment:
        with _blamed("data.augment: does not take this data.source's images"):
            targets = task.blank_targets(len(inputs))
            inputs, _ = Augment(recipe.data.augment, recipe.seed)(inputs, targets, 0, np.arange(len(inputs)), task)
    if mixes:
        if not isinstance(source.input, ImageInput):
            raise UserError("data.mixup, data.cutmix: blend images, and this data.source has none")
        with _blamed("data.mixup, data.cutmix: cannot blend this data.source's images"):
            targets = task.blank_targets(len(inputs))
            Mix(recipe.data.mixup, recipe.data.cutmix, task.loss_width, recipe.seed)(inputs, targets, 0, 0)
    _, targets = blank_batch(source, task, min(share, 2), soft=mixes)
    inputs = inputs[mixes:]
    if isinstance(source.input, VaryingInput):
        with _blamed(f"model: does not take samples of shape {list(source.input.shape)}"):
            check_lengths(model, source.input)
    # Training last: its outputs are what the loss and the backward pass below use.
    for mode in (False, True):
        with _blamed(f"model: does not take samples of shape {list(source.input.shape)}" + " in training" * mode):
            given = model.train(mode)(inputs)
        task.check_outputs(given, len(inputs))
        if not mode:
            with _blamed("model: has no gradient in evaluation, from which ranks learn their order"):
                torch.stack([each.sum() for each in pytree.tree_leaves(given)]).sum().backward()
            _check_all_used(model, "in evaluation", recipe)
            model.zero_grad()
    with _blamed(f"loss: does not take what the model gives and {task.takes}"):
        value = loss(*task.for_loss(given, targets))
        if isinstance(loss, DividedLoss):
            value = value.sum()
        if value.dim():
            raise UserError(f"loss: gives a tensor of shape {list(value.shape)}, not one number; reduce it to the mean")
        alone = pytree.tree_map(lambda each: each[:1].detach(), given)
        _check_sharing(loss, task, alone, shared=share < recipe.data.batch_size, soft=mixes)
    with _blamed("loss: has no gradient"):
        value.backward()
    _check_all_used(model, "in the loss", recipe)
    optimizer = build_optimizer(recipe.optimizer, model.network)
    scheduler = build_schedule(recipe.schedule, optimizer, total_steps)
    with _blamed("optimizer: cannot take a step"):
        optimizer.step()
    with _blamed("schedule: cannot take a step"):
        scheduler.step()
    check_readable({"model": model.state_dict()}, "model")
    check_readable({"optimizer": optimizer.state_dict()}, "optimizer")
    check_readable({"schedule": _Kept(scheduler.state_dict())}, "schedule")
    # OneCycleLR raises when it is moved beyond its total_steps.
    if (given_steps := getattr(scheduler, "total_steps", None)) is not None and given_steps < total_steps:
        raise UserError(f"schedule.args.total_steps: {given_steps} end before the run's {total_steps} steps")


def blank_batch(source: Source, task: TrainingTask, samples: int, *, soft: bool) -> tuple[torch.Tensor, Targets]:
    """Samples of zeros and their targets; `soft` ones are what mixing gives."""
    classes = task.loss_width
    targets = torch.full((samples, classes), 1 / classes) if soft else task.blank_targets(samples)
    return blank(source.input, samples), targets


def _check_sharing(loss: nn.Module, task: TrainingTask, given: Raw, *, shared: bool, soft: bool) -> None:
    """A batch gives the same loss in one piece and in two halves, which ranks or accumulated batches may take.

    `given` are the outputs for one sample. Its targets differ, because a divisor that depends on them shows in no other
    way.
    """
    classes = task.loss_width
    largest = max(each.numel() for each in pytree.tree_leaves(given))
    samples = 2 * max(2, min(classes, MOST // (2 * largest)))
    given = pytree.tree_map(lambda each: each.expand(samples, *each.shape[1:]), given)
    for seed in range(TRIES):
        targets = task.varied_targets(samples, torch.Generator().manual_seed(seed))
        if soft:
            targets = functional.one_hot(targets, classes) * 0.7 + 0.3 / classes
        both = (given, targets)
        pieces = [both, *(pytree.tree_map(each, both) for each in (lambda part: part[::2], lambda part: part[1::2]))]
        whole, *halves = (loss(*task.for_loss(*piece)) for piece in pieces)
        if isinstance(loss, DividedLoss):
            divisor, *divisors = (loss.divisor(piece[1]).to(whole) for piece in pieces)
            if not (_same(whole, sum(halves)) and _same(divisor, sum(divisors))):
                raise UserError("loss: its sum, or its divisor, over a batch is not that of two halves added up")
        elif _same(whole, sum(halves)) and not _same(whole, halves[0]):
            raise UserError("loss: grows with the batch, so it would depend on the number of ranks; use the mean")
        elif shared and not _same(whole, sum(halves) / 2):
            raise UserError(
                "loss: over a batch it is not the mean of two halves, so it would depend on the number of ranks and on "
                "step.accumulate; let it give the sum, and its method divisor(targets) what that is divided by"
            )


def _same(one: torch.Tensor, other: torch.Tensor | int) -> bool:
    return torch.allclose(one, torch.as_tensor(other).to(one), rtol=1e-3, atol=1e-5, equal_nan=True)


def _check_all_used(model: Normalized, where: str, recipe: Recipe) -> None:
    """Every parameter has got a gradient, unless the recipe has DDP look for those that have none."""
    idle = [name for name, weight in model.network.named_parameters() if weight.requires_grad and weight.grad is None]
    if idle and not recipe.distributed.find_unused_parameters:
        raise UserError(
            f"model: {', '.join(idle[:3])} takes no part {where}, so ranks would wait for it; remove it, or set "
            "distributed.find_unused_parameters to true"
        )


@contextmanager
def _blamed(what: str) -> Iterator[None]:
    """Whatever somebody's class raises at what it is given becomes one line."""
    try:
        with warnings.catch_warnings(action="ignore"):  # the line says it
            yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{what}: {one_line(error)}") from error
