"""Every test sample counts once, and what is worth a picture is found."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset, TensorDataset

from tests.commands import run_command
from tests.forks import warm_workers
from tests.training import evaluated, tiny
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.config.recipe import DataConfig
from torchferry.training.data.loaders import EVALUATION_BATCH, EvaluationFeed
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.errors import CorruptSample
from torchferry.training.evaluation import PICTURED_POINTS, Evaluation, _Counted, evaluate
from torchferry.training.pictured import PICTURED_MISTAKES
from torchferry.training.tasks.task import TrainingTask

LOGITS = torch.tensor([[3.0, 0, 0], [0, 1, 0], [2, 0, 0], [0, 0, 1], [0, 5, 0]])
CLASSES = torch.tensor([0, 1, 2, 2, 0])
CLASSIFICATION = tiny.task()


class Holed(Dataset):
    """Samples of which some cannot be read."""

    def __init__(self, *holes: int) -> None:
        self.holes = holes

    def __len__(self) -> int:
        return len(CLASSES)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if index in self.holes:
            raise CorruptSample(f"sample {index} is cut")
        return LOGITS[index], int(CLASSES[index])


def judged(samples: Dataset, rank_info: RankInfo, task: TrainingTask = CLASSIFICATION, **given: Any) -> Evaluation:
    """Of a network that says what it is given."""
    config = DataConfig(source=Component(name="none"), on_corrupt="skip")
    feed = EvaluationFeed(samples, config, task, rank_info.device)
    return evaluate(nn.Identity(), feed, task, rank_info, **given)


def drawn(result: Evaluation) -> tuple[Any, ...]:
    assert result.points is not None
    return tuple(each.tolist() for each in result.points)


def test_classes_are_counted_and_the_loss_is_a_mean_over_the_samples(alone: RankInfo) -> None:
    result = judged(TensorDataset(LOGITS, CLASSES), alone)
    confusion = CLASSIFICATION.task.confusion(result.sums)
    assert confusion is not None
    assert confusion.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]
    assert (result.samples, result.corrupt, result.shown, result.points) == (5, 0, [2, 4], None)
    assert result.score == result.values["accuracy"] == 0.6
    assert result.values["loss"] == pytest.approx(functional.cross_entropy(LOGITS, CLASSES).item())


def test_what_was_right_is_shown_as_well(alone: RankInfo) -> None:
    assert judged(TensorDataset(LOGITS, CLASSES), alone).shown_right == [0, 1, 3]


def test_values_come_with_points_to_draw(alone: RankInfo) -> None:
    truth, given = torch.tensor([[1.0], [2], [3]]), torch.tensor([[1.0], [2], [5]])
    result = judged(TensorDataset(given, truth), alone, tiny.task("regression", 1))
    assert drawn(result) == ([[1], [2], [3]], [[1], [2], [5]])
    assert result.values == {
        "loss": pytest.approx(4 / 3),
        "r2": -1,
        "mae": pytest.approx(2 / 3),
        "rmse": pytest.approx((4 / 3) ** 0.5),
    }
    assert result.shown == []


def test_no_more_points_are_held_than_are_drawn(alone: RankInfo) -> None:
    samples = 3 * PICTURED_POINTS
    values = torch.arange(float(samples))[:, None]
    result = judged(TensorDataset(values, values), alone, tiny.task("regression", 1))
    assert drawn(result)[0] == [[float(n)] for n in range(PICTURED_POINTS)]
    counted = _Counted(tiny.task("regression", 1).task)
    for _ in range(3):
        rows = {name: np.zeros((PICTURED_POINTS, 1)) for name in ("truth", "predicted")}
        counted.add(rows, np.arange(PICTURED_POINTS))
    assert sum(len(true) for true, _ in counted.first) == PICTURED_POINTS


def test_values_in_float64_keep_their_digits(alone: RankInfo) -> None:
    truth = 1.7e9 + torch.arange(4, dtype=torch.float64)[:, None]
    task = tiny.task("regression", 1, mean=(1.7e9,), std=(2.0,))
    result = judged(TensorDataset(truth + 1, truth), alone, task)
    assert result.values == pytest.approx({"loss": 0.25, "r2": 1 - 4 / 5, "mae": 1, "rmse": 1})
    assert drawn(result) == ([[1.7e9 + n] for n in range(4)], [[1.7e9 + n + 1] for n in range(4)])


@pytest.mark.torchrun
def test_metrics_are_the_same_at_any_number_of_ranks(alone: RankInfo) -> None:
    for ranks in (2, 3):
        expected: dict[str, Any] = dict(evaluated.metrics(alone))
        launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", ranks)
        done = run_command(*launcher, "-m", "tests.training.evaluated", **warm_workers())
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found.keys() == expected.keys()
        for task, mine in expected.items():
            loss, expected_loss = (each["values"].pop("loss") for each in (found[task], mine))
            assert loss == pytest.approx(expected_loss, rel=1e-6), task  # torch adds up a batch in float32
            assert found[task]["values"] == pytest.approx(mine["values"], rel=1e-12), task
            assert found[task]["sums"].keys() == mine["sums"].keys()
            for name, value in mine["sums"].items():
                assert np.allclose(found[task]["sums"][name], value, rtol=1e-12, atol=0), (task, name)
            assert (found[task]["shown"], found[task]["shown_right"]) == (mine["shown"], mine["shown_right"]), task


def test_a_rank_takes_its_share_alone(alone: RankInfo) -> None:
    result = judged(TensorDataset(LOGITS, CLASSES), replace(alone, rank=1, world_size=2))
    assert (result.samples, result.score, result.shown) == (2, 1.0, [])


def test_only_the_first_mistakes_are_shown_and_batches_are_counted_on_the_way(alone: RankInfo) -> None:
    count, batches = 2 * EVALUATION_BATCH + 1, []
    wrong = TensorDataset(torch.eye(3)[torch.ones(count).long()], torch.zeros(count).long())
    result = judged(wrong, alone, after_batch=lambda: batches.append(1))
    assert (result.samples, result.score, len(batches)) == (count, 0, 3)
    assert result.shown == list(range(PICTURED_MISTAKES))


def test_what_cannot_be_read_is_told_and_not_counted(alone: RankInfo) -> None:
    result = judged(Holed(0, 2), alone)
    assert (result.samples, result.corrupt, result.shown) == (3, 2, [4])
    assert result.values["loss"] == pytest.approx(
        functional.cross_entropy(LOGITS[[1, 3, 4]], CLASSES[[1, 3, 4]]).item()
    )
    with pytest.raises(UserError, match=r"^data.source: no sample of the test set could be read$"):
        judged(Holed(*range(5)), alone)


def test_the_network_is_evaluated_as_it_will_be_used_and_goes_on_training(alone: RankInfo) -> None:
    dropping = nn.Dropout(1.0)
    feed = EvaluationFeed(
        TensorDataset(LOGITS, CLASSES), DataConfig(source=Component(name="none")), CLASSIFICATION, alone.device
    )
    assert evaluate(dropping, feed, CLASSIFICATION, alone).shown == [2, 4]
    assert dropping.training
