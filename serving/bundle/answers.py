"""The outputs of a model by the names that its task has for them."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from torchferry.contract.tasks.task import Task
from torchferry.serving.bundle.bundle import TensorSpec

Value = TypeVar("Value")


class Answering(Protocol):
    @property
    def task(self) -> Task: ...

    @property
    def outputs(self) -> tuple[TensorSpec, ...]: ...


def answers_of(model: Answering, outputs: Mapping[str, Value]) -> dict[str, Value]:
    """A bundle calls an output otherwise than the task where an input has that name; the order is the task's."""
    return {own: outputs[spec.name] for own, spec in zip(model.task.outputs, model.outputs, strict=True)}
