"""A recipe becomes the parts of a run, or is refused before any rank waits; and a run knows where it stands."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import IterableDataset

from tests.training import tiny
from tests.training.data.sources import refusal
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DistributedConfig, EarlyStoppingConfig, MetricsConfig
from torchferry.training.data.source import Source
from torchferry.training.trainer.build import Run


class Streamed(IterableDataset):
    def __len__(self) -> int:
        return 8

    def __iter__(self) -> Iterator[tuple[torch.Tensor, int]]:
        return iter((torch.full((3,), float(index)), index % 3) for index in range(8))


class Learned(nn.CrossEntropyLoss):
    def __init__(self) -> None:
        super().__init__()
        self.temperature = nn.Parameter(torch.ones(()))


def streamed() -> Source:
    return replace(tiny.corners(), train=Streamed())


def cut() -> Source:
    return replace(tiny.corners(), damaged=("a.tar: ends early, after b.png", "c.tar: is empty"))


def run(**changes: Any) -> Run:
    """Of 2 steps in each epoch."""
    return tiny.build(**changes)


def test_the_same_seed_gives_the_same_network_and_order() -> None:
    one, same, other = run(seed=3), run(seed=3), run(seed=4)
    weights = [each.model.network.get_parameter("weight") for each in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    orders = [[share.indices.tolist() for share in each.order.shares(0)] for each in (one, same, other)]
    assert orders[0] == orders[1] != orders[2]


def test_a_rank_takes_its_part_of_each_batch() -> None:
    both = [tiny.build(rank_info=replace(tiny.ALONE, rank=rank, world_size=2)) for rank in (0, 1)]
    shares = [next(iter(each.feed.epoch(0, 0))).indices.tolist() for each in both]
    assert sorted(shares[0] + shares[1]) == sorted(next(iter(run().feed.epoch(0, 0))).indices.tolist())


def test_what_could_not_be_listed_ends_the_run_or_is_said_by_the_leader(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"source": Component(name=f"{__name__}.cut")}
    words = "a.tar: ends early, after b.png; data.on_corrupt skip goes on without what is missing"
    assert refusal(lambda: run(data=data)) == words
    run(data=data | {"on_corrupt": "skip"})
    assert capsys.readouterr().out == "tiny: a.tar: ends early, after b.png\ntiny: c.tar: is empty\n"
    run(data=data | {"on_corrupt": "skip"}, rank_info=replace(tiny.ALONE, rank=1, world_size=2))
    assert capsys.readouterr().out == ""


def test_a_stream_is_taken_as_it_comes() -> None:
    parts = run(data={"source": Component(name=f"{__name__}.streamed")})
    assert [batch.inputs[:, 0].tolist() for batch in parts.feed.epoch(0, 0)] == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data": {"source": Component(name=f"{tiny.__name__}.corners", args={"test": 0})}},
         "data.source: the test set is empty"),
        ({"data": {"augment": [Component(name="horizontal_flip")]}},
         "data.augment: changes images, and this data.source has none"),
        ({"task": "regression"}, "task: regression takes float targets, data.source gives classes"),
        ({"loss": Component(name="builtins.dict")}, "loss.name: builtins.dict cannot be built from a recipe"),
        ({"loss": Component(name="builtins.list")}, "loss.name: builtins.list gives a list, not a torch.nn.Module"),
        ({"loss": Component(name=f"{__name__}.Learned")}, "loss: temperature would not be trained"),
        ({"distributed": DistributedConfig(sync_batchnorm=True)}, "distributed.sync_batchnorm: torch's SyncBatchNorm"),
        ({"model": Component(name="torch.nn.Linear", args={"in_features": 3, "out_features": 2})},
         "model: gives [2] per sample, not one output for each of 3 classes"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(changes: dict[str, Any], words: str) -> None:
    assert refusal(lambda: run(**changes)).startswith(words)


@pytest.mark.parametrize(("max_steps", "total"), [(None, 6), (4, 4), (9, 6)])
def test_a_run_ends_after_its_epochs_or_steps(max_steps: int | None, total: int) -> None:
    parts = run(epochs=3, max_steps=max_steps)
    assert parts.total_steps == total
    ends = []
    for parts.progress.step in range(total + 1):
        parts.progress.epoch, parts.progress.batch = divmod(parts.progress.step, 2)
        ends.append(parts.ended)
    assert ends == [False] * total + [True]


def test_epochs_that_are_over_may_have_had_another_number_of_steps() -> None:
    """As where rows were added to a table meanwhile."""
    parts = run(epochs=3)
    parts.progress.epoch, parts.progress.step = 2, 50
    assert (parts.total_steps, parts.ended) == (52, False)
    parts.progress.epoch, parts.progress.step = 3, 52
    assert parts.ended


def test_a_score_is_the_best_if_it_gains_enough_and_is_a_number() -> None:
    parts = run(early_stopping=EarlyStoppingConfig(patience=2, min_gain=0.125), epochs=9)
    judged = []
    for parts.progress.step, score in enumerate([math.nan, 0.5, 0.625, 0.75, math.nan, 0.25], 1):
        judged.append((parts.judge(score), parts.progress.stale, parts.ended))
        assert parts.progress.evaluated_step == parts.progress.step
    yes, no = (True, 0, False), (False, 1, False)
    assert judged == [no, yes, no, yes, no, (False, 2, True)]
    assert (parts.progress.best, parts.progress.best_step) == (0.75, 4)


def test_without_patience_a_run_does_not_end_early() -> None:
    parts = run(epochs=9)
    for _ in range(99):
        parts.judge(0.5)
    assert not parts.ended


@pytest.mark.parametrize(
    ("every", "stood", "due"),
    [
        pytest.param(1, {"epoch": 0, "batch": 2, "step": 2}, True, id="at the end of an epoch"),
        pytest.param(1, {"epoch": 0, "batch": 1, "step": 1}, False, id="inside one"),
        pytest.param(2, {"epoch": 0, "batch": 2, "step": 2}, False, id="of every second one"),
        pytest.param(2, {"epoch": 1, "batch": 2, "step": 4}, True, id="of the second one"),
        pytest.param(None, {"epoch": 1, "batch": 2, "step": 4}, False, id="of none"),
        pytest.param(None, {"epoch": 3, "batch": 0, "step": 6}, True, id="always at the end of the run"),
        pytest.param(1, {"epoch": 0, "batch": 2, "step": 2, "evaluated_step": 2}, False, id="once for a step"),
    ],
)
def test_an_evaluation_is_due(every: int | None, stood: dict[str, int], due: bool) -> None:
    parts = run(epochs=3, evaluate_every_epochs=every)
    parts.progress = replace(parts.progress, **stood)
    assert parts.evaluation_due == due


def test_a_report_is_due_every_few_steps_and_at_the_end_of_an_epoch_and_of_the_run() -> None:
    source = Component(name=f"{tiny.__name__}.corners", args={"train": 20})
    parts = run(data={"source": source}, epochs=2, max_steps=8, metrics=MetricsConfig(log_every=3))
    due = []
    for step in range(8):
        parts.progress.step, parts.progress.batch = step, step % 5
        due.append(parts.report_due)
    assert [number for number, is_due in enumerate(due, 1) if is_due] == [3, 5, 6, 8]


@pytest.mark.parametrize(("epoch", "batch", "begun"), [(0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 2, 2)])
def test_epochs_are_counted_as_people_do(epoch: int, batch: int, begun: int) -> None:
    parts = run(epochs=3)
    parts.progress = replace(parts.progress, epoch=epoch, batch=batch)
    assert parts.epochs_begun == begun


def test_a_validation_part_decides_and_the_test_set_is_left_for_the_end() -> None:
    parts = run(
        data={"source": Component(name="digits"), "validation_fraction": 0.25}, model=Component(name="digits_cnn")
    )
    assert (parts.evaluation.split, parts.test.split) == ("validation", "test")
    held = len(parts.evaluation.samples)  # type: ignore[arg-type]
    assert held + parts.source.train_size == 1437
    assert held == pytest.approx(359, abs=60)
    assert parts.order.samples == parts.source.train_size


def test_a_fold_takes_the_place_of_the_test_set() -> None:
    digits = {"source": Component(name="digits")}
    parts = [run(data=digits, model=Component(name="digits_cnn"), fold=f"{number}/3") for number in (1, 2, 3)]
    assert sum(part.source.test_size for part in parts) == 1437
    assert all(part.test is part.evaluation for part in parts)


def test_classes_are_drawn_as_the_recipe_says() -> None:
    parts = run(data={"sampling": [0, 0, 1]})
    assert {int(parts.source.train[index][1]) for share in parts.order.shares(0) for index in share.indices} == {2}
