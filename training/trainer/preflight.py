"""A first step with copies and blank samples: what does not fit together is known before any rank waits for another."""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from torchferry.errors import UserError
from torchferry.training.checkpointing.checkpoint_reader import check_readable
from torchferry.training.config.instantiate import one_line
from torchferry.training.config.recipe import Recipe
from torchferry.training.data.augment import Augment
from torchferry.training.data.mix import Mix
from torchferry.training.data.source import ImageInput, Source, blank
from torchferry.training.models.normalized import Normalized
from torchferry.training.state import _Kept
from torchferry.training.tasks import Task
from torchferry.training.trainer.lr_schedule import build_schedule
from torchferry.training.trainer.optim import build_optimizer


def try_step(
    recipe: Recipe, source: Source, task: Task, model: Normalized, loss: nn.Module, share: int, total_steps: int
) -> None:
    """Try what a rank does with its `share` of a batch, on two samples of it at the most. Raises UserError."""
    outputs, mixes = task.outputs(source), bool(recipe.data.mixup or recipe.data.cutmix)
    with _blamed("model: cannot be copied"):
        model, loss = copy.deepcopy(model), copy.deepcopy(loss)  # the step changes weights, buffers and gradients
    inputs, _ = blank_batch(source, task, outputs, min(share, 2) + mixes, soft=False)
    if recipe.data.augment:
        with _blamed("data.augment: does not take this data.source's images"):
            inputs = Augment(recipe.data.augment, recipe.seed)(inputs, 0, np.arange(len(inputs)))
    if mixes:
        if not isinstance(source.input, ImageInput):
            raise UserError("data.mixup, data.cutmix: blend images, and this data.source has none")
        with _blamed("data.mixup, data.cutmix: cannot blend this data.source's images"):
            targets = task.blank_targets(len(inputs), outputs)
            Mix(recipe.data.mixup, recipe.data.cutmix, outputs, recipe.seed)(inputs, targets, 0, 0)
    _, targets = blank_batch(source, task, outputs, min(share, 2), soft=mixes)
    inputs = inputs[mixes:]
    # Training last: its outputs are what the loss and the backward pass below use.
    for mode in (False, True):
        with _blamed(f"model: does not take samples of shape {list(source.input.shape)}" + " in training" * mode):
            given = model.train(mode)(inputs)
        _check_outputs(given, len(inputs), outputs, task)
        if not mode:
            with _blamed("model: has no gradient in evaluation, from which ranks learn their order"):
                given.sum().backward()
            _check_all_used(model, "in evaluation")
            model.zero_grad()
    with _blamed(f"loss: does not take what the model gives and {task.targets}"):
        value = loss(*task.for_loss(given, targets))
        # Each sample twice: a mean stays as it is, a sum doubles.
        twice = loss(*task.for_loss(torch.cat([given, given]), torch.cat([targets, targets])))
    if value.dim():
        raise UserError(f"loss: gives a tensor of shape {list(value.shape)}, not one number; reduce it to the mean")
    if not torch.allclose(value, twice, rtol=1e-3, atol=1e-5, equal_nan=True):
        raise UserError("loss: grows with the batch, so it would depend on the number of ranks; reduce it to the mean")
    with _blamed("loss: has no gradient"):
        value.backward()
    _check_all_used(model, "in the loss")
    optimizer = build_optimizer(recipe.optimizer, model.parameters())
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


def blank_batch(
    source: Source, task: Task, outputs: int, samples: int, *, soft: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples of zeros and their targets; `soft` ones are what mixing gives."""
    targets = torch.full((samples, outputs), 1 / outputs) if soft else task.blank_targets(samples, outputs)
    return blank(source.input, samples), targets


def _check_all_used(model: Normalized, where: str) -> None:
    """Every parameter has got a gradient."""
    idle = [name for name, weight in model.network.named_parameters() if weight.requires_grad and weight.grad is None]
    if idle:
        raise UserError(f"model: {', '.join(idle[:3])} takes no part {where}, so ranks would wait for it; remove it")


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


def _check_outputs(given: object, samples: int, outputs: int, task: Task) -> None:
    if not isinstance(given, torch.Tensor) or tuple(given.shape) != (samples, outputs):
        found = list(given.shape[1:]) if isinstance(given, torch.Tensor) else type(given).__name__
        each = "one output" if outputs == 1 else f"one output for each of {outputs} {task.outputs_are}"
        raise UserError(f"model: gives {found} per sample, not {each}; see its args")
