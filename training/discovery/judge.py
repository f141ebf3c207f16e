"""A model's metrics on data: those that its training ended with, for its own test set."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import nn

from torchferry.contract.tasks import name_of
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DataConfig
from torchferry.training.data.collate import Batch
from torchferry.training.data.held_targets import check_held
from torchferry.training.data.loaders import EvaluationFeed
from torchferry.training.data.source import pad_of
from torchferry.training.discovery.other_data import data_of
from torchferry.training.distributed.process_group import process_group, rank_info_of
from torchferry.training.evaluation import Judged, evaluate, judged_of
from torchferry.training.models.saved import ModelCard
from torchferry.training.tasks import half_of
from torchferry.training.tasks.task import TrainingTask


@dataclass(frozen=True, kw_only=True)
class Outcome:
    name: str
    task: str
    samples: int
    left_out: tuple[str, ...]
    """Samples that could not be read, and why; they are not counted."""
    metrics: dict[str, float]
    """`loss`, where it is known, and what the task reports."""


def judge(
    model: nn.Module, card: ModelCard, data: str | None, source: Component | None, *, on_cpu: bool = False
) -> Outcome:
    """`model` takes inputs as the card says and gives logits or values; see other_data.data_of for the rest.

    On a GPU if there is one, but for a model that is `on_cpu` whatever it is asked for. Raises UserError."""
    found = data_of(card, data, source)
    if found.test_size == 0:
        raise UserError("--data: the test set is empty")
    task, rank_info = half_of(card.task), rank_info_of({})
    if found.labels != card.labels:
        model, task = AnswersAlone(model, task), half_of(replace(card.task, labels=found.labels))
    if on_cpu:
        rank_info = replace(rank_info, device=torch.device("cpu"))
    check_held(found.test, "test", task)
    config = DataConfig(source=card.data, on_corrupt="skip")
    feed = NamingFeed(found.test, config, task, rank_info.device, pad=pad_of(card.input))
    with process_group(rank_info):
        result = evaluate(model.to(rank_info.device), feed, task, rank_info)
    return Outcome(
        name=card.name,
        task=name_of(type(card.task)),
        samples=result.samples,
        left_out=tuple(feed.left_out),
        metrics=result.values,
    )


class AnswersAlone(nn.Module):
    """A model that is judged on classes which it need not know, and which therefore has no loss there."""

    def __init__(self, model: nn.Module, task: TrainingTask) -> None:
        super().__init__()
        self.model, self.task = model, task

    def forward(self, inputs: torch.Tensor) -> Judged:
        return replace(judged_of(self.model(inputs), self.task), raw=None)


@dataclass
class NamingFeed(EvaluationFeed):
    """Remembers what could not be read."""

    left_out: list[str] = field(default_factory=list)

    def __call__(self, rank: int, world_size: int) -> Iterator[Batch]:
        for batch in super().__call__(rank, world_size):
            self.left_out += batch.corrupt
            yield batch
