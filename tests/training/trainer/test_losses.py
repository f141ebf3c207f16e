"""Losses by name; one whose mean is not over samples gives sums and divisors that ranks can add up."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.commands import torchrun
from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.config.instantiate import Component
from torchferry.training.data.source import Source
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.trainer.divided_loss import DividedLoss
from torchferry.training.trainer.losses import LOSSES, MeanOverClassWeights, build_loss
from torchferry.training.trainer.wrap_ddp import assemble

OUTPUTS = torch.randn(12, 3, generator=torch.Generator().manual_seed(0))
TARGETS = torch.arange(12) % 3


class Masked(nn.Module):
    """The squared error where there is a target, and the sum of these."""

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return ((outputs - targets.nan_to_num()) ** 2 * ~targets.isnan()).sum()

    def divisor(self, targets: torch.Tensor) -> torch.Tensor:
        return (~targets.isnan()).sum()


def made(name: str, *, outputs: int = 3, **args: Any) -> nn.Module:
    task = "multilabel" if name == "bce_with_logits" else "classification"
    return build_loss(Component(name=name, args=args), tiny.task(task, outputs))


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.__module__.startswith("torch.nn.")])
def test_a_loss_is_a_mean_over_the_samples(name: str) -> None:
    outputs = torch.tensor([[-1.0, -2.0], [-3.0, -0.5]])
    targets = torch.tensor([0, 1]) if name in ("cross_entropy", "nll") else torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    each = [LOSSES[name]()(outputs[i : i + 1], targets[i : i + 1]) for i in range(2)]
    assert LOSSES[name]()(outputs, targets) == pytest.approx(sum(each) / 2)


WITHOUT_SMOOTHING: list[dict[str, Any]] = [
    {"weight": [1, 50, 0.5]},
    {"ignore_index": 1},
    {"weight": [1, 2, 3], "ignore_index": 0},
    {"weight": [0, 0, 1]},
]
SMOOTHED = {"weight": [1, 50, 0.5], "label_smoothing": 0.2}  # of cross entropy alone


@pytest.mark.parametrize(
    ("name", "args"),
    [
        (name, args)
        for name in ("cross_entropy", "torch.nn.CrossEntropyLoss", "nll")
        for args in [*WITHOUT_SMOOTHING, *([SMOOTHED] if name != "nll" else [])]
    ],
)
def test_class_weights_and_ignored_classes_give_torchs_mean_in_two_parts(name: str, args: dict[str, Any]) -> None:
    loss = made(name, **args)
    assert isinstance(loss, DividedLoss)
    plain: dict[str, Any] = {k: torch.tensor(v).float() if k == "weight" else v for k, v in args.items()}
    expected = (nn.NLLLoss if name == "nll" else nn.CrossEntropyLoss)(**plain)(OUTPUTS, TARGETS)
    assert loss(OUTPUTS, TARGETS) / loss.divisor(TARGETS) == pytest.approx(expected.item(), rel=1e-6)


def test_blended_targets_are_divided_by_the_samples_as_torch_does() -> None:
    loss, soft = made("cross_entropy", weight=[1, 50, 0.5]), torch.full((12, 3), 1 / 3)
    assert isinstance(loss, DividedLoss)
    expected = nn.CrossEntropyLoss(torch.tensor([1, 50, 0.5]))(OUTPUTS, soft)
    assert loss(OUTPUTS, soft) / loss.divisor(soft) == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("args", [{}, {"label_smoothing": 0.1}])
def test_a_mean_over_samples_stays_torchs_own(args: dict[str, Any]) -> None:
    assert type(made("cross_entropy", **args)) is nn.CrossEntropyLoss


def test_a_single_output_takes_its_weight_without_brackets() -> None:
    loss = made("bce_with_logits", outputs=1, pos_weight=9)
    assert isinstance(loss, nn.BCEWithLogitsLoss)
    assert loss.pos_weight is not None
    assert loss.pos_weight.tolist() == [9.0]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"weight": [1, 9]}, r"loss\.args\.weight: has 2 values; one for each of 3 outputs is expected"),
        ({"weight": [1, "9", 1]}, r"loss\.args\.weight: '9' is not a weight; give numbers of 0 or more"),
        ({"weight": [1, -1, 1]}, r"loss\.args\.weight: -1 is not a weight"),
        ({"weight": [1, float("inf"), 1]}, r"loss\.args\.weight: inf is not a weight"),
        ({"weight": [0, 0, 0]}, r"loss\.args\.weight: all weights are 0"),
        ({"wieght": [1, 1, 1]}, r"loss\.args\.wieght: unknown argument of cross_entropy; did you mean weight\?"),
    ],
)
def test_weights_that_cannot_be_are_refused(args: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        made("cross_entropy", **args)


def test_a_step_in_which_no_sample_counts_moves_nothing(tmp_path: Path, alone: RankInfo) -> None:
    del alone
    run = tiny.build(runs_dir=tmp_path, loss=Component(name="cross_entropy", args={"ignore_index": 0}))
    assert isinstance(run.loss, MeanOverClassWeights)
    step = assemble(run)
    before = step.trained.network.weight.clone()  # type: ignore[operator]
    batch = next(run.feed.epoch(0, 0))
    loss, _ = step(iter([batch._replace(targets=torch.zeros_like(batch.targets))]), 0, measure=True)
    assert loss.item() == 0
    assert torch.equal(step.trained.network.weight, before)  # type: ignore[arg-type]


def rare(positive: int = 8) -> Source:
    """64 points, one in `positive` of the second class, in an order that gives ranks unequal shares of them."""
    random = torch.Generator().manual_seed(1)
    points, classes = torch.randn(64, 3, generator=random), (torch.arange(64) % positive == 0).long()
    data = torch.utils.data.TensorDataset(points, classes)
    return Source(train=data, test=data, labels=("no", "yes"), input=tiny.corners().input)


def gaps() -> Source:
    """64 points, of which some have no target."""
    random = torch.Generator().manual_seed(1)
    points = torch.randn(64, 3, generator=random)
    sums = points.sum(dim=1, keepdim=True)
    data = torch.utils.data.TensorDataset(points, sums.where(torch.rand(64, 1, generator=random) > 0.4, torch.nan))
    whole = torch.utils.data.TensorDataset(points, sums)
    return Source(train=data, test=whole, labels=("sum",), input=tiny.corners().input, targets="values")


CASES = {
    "class weights": ("rare", 2, "classification", {"name": "cross_entropy", "args": {"weight": [1, 50]}}),
    "an ignored class": ("rare", 2, "classification", {"name": "cross_entropy", "args": {"ignore_index": 0}}),
    "a mask of the user's": ("gaps", 1, "regression", {"name": f"{__name__}.Masked"}),
}


def losses(folder: Path, case: str, ranks: int, accumulate: int) -> list[float]:
    """Of the first eight steps."""
    source, outputs, task, loss = CASES[case]
    model = {"name": "torch.nn.Linear", "args": {"in_features": 3, "out_features": outputs}}
    name = f"{ranks}-{accumulate}-{list(CASES).index(case)}-x"
    done = torchrun(
        ranks,
        *("--name", name, "--runs_dir", folder, "--task", task, "--model", json.dumps(model)),
        *("--data.source.name", f"{__name__}.{source}", "--data.batch_size", 16, "--loss", json.dumps(loss)),
        *("--optimizer", '{"name": "SGD", "args": {"lr": 0.01}}', "--epochs", 2, "--step.accumulate", accumulate),
        *("--metrics.port", "null", "--metrics.tensorboard", "false", "--metrics.log_every", 1),
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (folder / name / "metrics.jsonl").read_text().splitlines()]
    return [row["loss"] for row in rows if row["kind"] == "train"]


@pytest.mark.torchrun
@pytest.mark.parametrize("case", CASES)
def test_the_loss_is_the_same_at_any_number_of_ranks_and_accumulated_batches(case: str, tmp_path: Path) -> None:
    expected = losses(tmp_path, case, 1, 1)
    assert len(expected) == 8
    ways = [(1, 4), (2, 2), (4, 1), (4, 4)] if case == "class weights" else [(2, 2)]
    for ranks, accumulate in ways:
        assert losses(tmp_path, case, ranks, accumulate) == pytest.approx(expected, rel=1e-6), (ranks, accumulate)
