"""The outputs of a model by the names that its task has for them."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

import numpy as np

from torchferry.contract.tasks.task import Arrays, Task
from torchferry.serving.bundle.tensor_spec import TensorSpec

Value = TypeVar("Value")


class Answering(Protocol):
    @property
    def task(self) -> Task: ...

    @property
    def outputs(self) -> tuple[TensorSpec, ...]: ...


def answers_of(model: Answering, outputs: Mapping[str, Value]) -> dict[str, Value]:
    """A bundle calls an output otherwise than the task where an input has that name; the order is the task's."""
    return {own: outputs[spec.name] for own, spec in zip(model.task.outputs, model.outputs, strict=True)}


def aligned(model: Answering, answered: Arrays, expected: Arrays) -> dict[str, np.ndarray]:
    """The answers, by the model's names, in the order of those expected; see Task.aligned. Those of other shapes stay
    as they are: whoever compares them says so."""
    if any(answered[name].shape != values.shape for name, values in expected.items()):
        return dict(answered)
    moved = model.task.aligned(answers_of(model, answered), answers_of(model, expected))
    return {spec.name: moved[own] for own, spec in zip(model.task.outputs, model.outputs, strict=True)}
