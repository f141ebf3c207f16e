"""The half that needs torch is found behind the other; a task is made for the samples of a source."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
import torch

from tests.training import tiny
from tests.training.tasks.sources import source
from torchferry.contract.tasks import TASKS
from torchferry.contract.tasks.classes import Classification
from torchferry.contract.tasks.find import made
from torchferry.contract.tasks.multilabel import Multilabel
from torchferry.contract.tasks.task import Task
from torchferry.errors import UserError
from torchferry.training.data.source import Source, TargetScale
from torchferry.training.tasks import half_class, half_of, task_for
from torchferry.training.tasks.task import TrainingTask
from torchferry.training.trainer.losses import build_loss

TRAINED = ("classification", "binary", "regression", "multilabel")
"""Those whose networks give one tensor of [samples, outputs]."""


class Nowhere(Classification):
    training: ClassVar[str] = "torchferry.training.tasks.classes.Clasification"


class Another(Classification):
    training: ClassVar[str] = "torchferry.contract.tasks.classes.Classification"


@pytest.mark.parametrize("name", TASKS)
def test_each_task_has_its_half(name: str) -> None:
    settings = {"heads": {"kind": {"name": "classification"}}} if name == "heads" else {}
    task = made(TASKS[name], settings, ("a", "b"))
    assert half_of(task).task is task
    assert type(half_of(task)) is half_class(type(task))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Nowhere, f"{__name__}.Nowhere.training: cannot import '{Nowhere.training}': AttributeError: "),
        (Another, f"{Another.training}: is no class derived from torchferry.training.tasks.task.TrainingTask"),
    ],
)
def test_a_task_without_its_half_is_refused(kind: type[Task], words: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(words)}"):
        half_class(kind)


@pytest.mark.parametrize(
    ("name", "settings", "given", "width"),
    [
        ("classification", {}, source("a", "b", "c"), 3),
        ("binary", {}, source("a", "b"), 1),
        ("regression", {}, source("a", "b", targets="values"), 2),
        ("multilabel", {"thresholds": [0.1, 0.2]}, source("a", "b", targets="labels"), 2),
        ("torchferry.contract.tasks.multilabel.Multilabel", {}, source("a", targets="labels"), 1),
    ],
)
def test_a_task_has_the_labels_of_its_source(name: str, settings: Mapping[str, Any], given: Source, width: int) -> None:
    made = task_for(name, settings, given)
    assert (made.task.labels, made.loss_width) == (given.labels, width)
    if isinstance(made.task, Multilabel) and settings:
        assert made.task.thresholds == (0.1, 0.2)


def test_a_scale_is_of_the_data() -> None:
    scaled = source("a", targets="values", target_scale=TargetScale(mean=(3.0,), std=(2.0,)))
    assert task_for("regression", {}, scaled).task.settings == {"mean": (3.0,), "std": (2.0,)}
    with pytest.raises(UserError, match=r"^task\.args\.std: the data decide it; leave it out$"):
        task_for("regression", {"std": [1]}, scaled)


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("classification", source("a", "b", targets="values"), "task: data.source gives values, not classes"),
        ("classification", source("a"), "data.source: has 1 labels; classes are two or more"),
        ("binary", source("a", "b", "c"), "task: binary takes 2 classes, data.source has 3; use classification"),
        ("binary", source("a", "b", targets="values"), "task: data.source gives values, not classes"),
        ("regression", source("a", "b"), "task: regression takes float targets, data.source gives classes"),
        ("multilabel", source("a", "b"), "task: takes labels, data.source gives classes; see torchferry describe"),
        ("tensors", source("a", "b"), "task: tensors have no targets, so nothing can be trained"),
    ],
)
def test_data_of_another_task_is_refused(name: str, given: Source, words: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(words)}"):
        task_for(name, {}, given)


def outputs_of(task: TrainingTask, samples: int) -> torch.Tensor:
    return torch.randn(samples, task.loss_width, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("name", TRAINED)
def test_losses_of_shares_add_up_to_that_of_the_whole(name: str) -> None:
    task = tiny.task(name, 2)
    outputs, targets = outputs_of(task, 9), task.varied_targets(9, torch.Generator().manual_seed(0))
    shares = [task.test_loss(outputs[part], targets[part]) for part in (slice(0, 4), slice(4, 9))]
    assert torch.allclose(torch.stack(shares).sum(), task.test_loss(outputs, targets))
    assert task.test_loss(outputs[:0], task.blank_targets(0)) == 0


@pytest.mark.parametrize("name", TRAINED)
def test_blank_and_varied_targets_are_legal_and_what_its_losses_take(name: str) -> None:
    task = tiny.task(name, 2)
    outputs = outputs_of(task, 6)
    for targets in (task.blank_targets(6), task.varied_targets(6, torch.Generator().manual_seed(0))):
        assert task.wrong_targets(targets) is None
        assert build_loss(None, task)(*task.for_loss(outputs, targets)).isfinite()
    assert len(task.varied_targets(6, torch.Generator().manual_seed(0)).unique()) > 1


@pytest.mark.parametrize("name", TRAINED)
def test_what_a_network_gave_is_known_from_the_answers(name: str) -> None:
    task = tiny.task(name, 2)
    outputs = outputs_of(task, 6)
    answers = task.answers(outputs)
    assert tuple(answers) == task.task.outputs
    raw = task.raw(answers)
    assert raw is not None
    targets = task.varied_targets(6, torch.Generator().manual_seed(0))
    assert torch.allclose(task.test_loss(raw.float(), targets), task.test_loss(outputs, targets), atol=1e-4)


@pytest.mark.parametrize("name", TRAINED)
def test_a_network_of_another_shape_is_refused(name: str) -> None:
    task = tiny.task(name, 2)
    task.check_outputs(outputs_of(task, 4), 4)
    with pytest.raises(UserError, match=r"^model: gives \[7\] per sample, not one output"):
        task.check_outputs(torch.zeros(4, 7), 4)
