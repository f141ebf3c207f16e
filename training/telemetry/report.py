"""The reports of the training loop, and the wording of their numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torchferry.contract.tasks.metric_text import metric_text


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the steps since the last one gave, all ranks together."""

    epoch: int
    """In progress, from 1."""
    step: int
    loss: float
    learning_rate: float
    """Of the first parameter group."""
    learning_rates: dict[str, float] = field(default_factory=dict)
    """Of each by its name; empty where the recipe makes no groups."""
    gradient_norm: float
    """Of the last step, before clipping."""
    samples_per_second: float
    step_seconds: list[float]
    """Mean, of each rank."""
    data_wait_ratio: list[float]
    """Share of that time each rank waited for data, 0..1."""
    forward_seconds: list[float]
    """Of each rank's last forward pass."""
    corrupt: int
    """Samples that could not be read."""
    skipped: int
    """Steps that were left out since the run began, because their gradients were not finite."""


def in_words(values: Mapping[str, float], told: Sequence[str], split: str = "test") -> str:
    """What an evaluation gave, on one line: those of `values` that are `told`."""
    return ", ".join(f"{split} {name} {metric_text(name, values[name])}" for name in told)
