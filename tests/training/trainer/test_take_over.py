"""A run that goes on takes over what was fitted when it began, and says what differs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.checkpointing.resume import Start
from torchferry.training.data.source import Input, Listing, Source, TableInput
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.progress import Progress
from torchferry.training.trainer.build import Run
from torchferry.training.trainer.take_over import take_over


def start_at(checkpoint: Path | None, *, given: bool = False) -> Start:
    return Start(checkpoint, Progress(), "launch", 0, False, 0, given)


def scaled(mean: float, samples: int = 8) -> Source:
    """Points whose mean is computed from them."""
    known = TableInput(columns=("a", "b", "c"), mean=(mean,) * 3, std=(1.0,) * 3)

    def refit(given: Input) -> Source:
        return replace(source, input=given)

    source = replace(tiny.corners(samples), input=known, refit=refit)
    return source


def run_over(source: Source) -> Run:
    run = tiny.build()
    run.take(source)
    return run


def saved(folder: Path, source: Source) -> Path:
    (folder / "fingerprint.json").write_text(take_over(run_over(source), start_at(None)))
    return folder


@pytest.fixture
def best() -> Progress:
    return Progress(best=0.5, best_step=4, stale=1)


def test_a_run_that_starts_anew_says_nothing(alone: RankInfo, capsys: pytest.CaptureFixture[str]) -> None:
    del alone
    assert json.loads(take_over(tiny.build(), start_at(None)))["labels"] == ["x", "y", "z"]
    assert capsys.readouterr().out == ""


def test_what_was_fitted_stays_and_samples_that_came_are_said(
    alone: RankInfo, tmp_path: Path, best: Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    del alone
    run, path = run_over(scaled(5.0, samples=16)), saved(tmp_path, scaled(1.0))
    weight, run.progress = run.model.network.weight, best
    content = json.loads(take_over(run, start_at(path)))
    assert content["input"]["mean"] == [1.0] * 3
    assert run.model.mean.tolist() == [1.0] * 3
    assert run.model.network.weight is weight
    assert run.progress == best
    assert torch.equal(next(run.feed.epoch(0, 0)).inputs.sum(dim=1), torch.ones(4))
    assert capsys.readouterr().out == (
        "tiny: what was computed from the samples when the run began, such as their mean, stays as it was\n"
        "tiny: 16 training samples now, 8 before\n"
    )


def test_after_a_change_of_the_test_set_the_best_is_looked_for_anew(
    alone: RankInfo, tmp_path: Path, best: Progress
) -> None:
    del alone
    path = saved(tmp_path, scaled(1.0))
    run = run_over(replace(scaled(1.0), listings={"test": Listing(samples=6, sha256="other")}))
    run.progress = best
    take_over(run, start_at(path))
    assert (run.progress.best, run.progress.best_step, run.progress.stale) == (None, -1, 0)


def test_a_checkpoint_of_an_earlier_version_is_said(
    alone: RankInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del alone
    take_over(tiny.build(), start_at(tmp_path))
    said = capsys.readouterr().out
    assert (
        said == f"tiny: {tmp_path} holds no fingerprint, as those of earlier versions; its samples cannot be compared\n"
    )


def test_another_kind_of_samples_is_refused(alone: RankInfo, tmp_path: Path) -> None:
    del alone
    path = saved(tmp_path, scaled(1.0))
    with pytest.raises(UserError, match=r"data\.source: its kind is tensor; .* was trained with table"):
        take_over(tiny.build(), start_at(path))


@pytest.mark.parametrize("known", [True, False])
def test_rows_that_come_are_refused_where_they_would_be_shuffled(known: bool, alone: RankInfo, tmp_path: Path) -> None:
    del alone
    path = saved(tmp_path, scaled(1.0)) if known else tmp_path
    run = run_over(scaled(1.0, samples=16))
    run.progress = Progress(samples=8)
    source = replace(run.recipe.data.source, args={"split": "shuffle"})
    run.recipe = replace(run.recipe, data=replace(run.recipe.data, source=source))
    with pytest.raises(UserError, match="split: shuffle would move rows from the test set into training"):
        take_over(run, start_at(path))
