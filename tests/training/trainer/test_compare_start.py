"""A run that goes on is under what was fitted when it began, and says what differs."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training import tiny
from torchferry.errors import UserError
from torchferry.training.checkpointing.record import Record, record_of
from torchferry.training.checkpointing.resume import Start
from torchferry.training.checkpointing.saved_files import OnDisk
from torchferry.training.config.instantiate import Component
from torchferry.training.data.plain_input import to_plain
from torchferry.training.data.source import Input, Listing, Source, TableInput
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.progress import Progress
from torchferry.training.trainer.build import Run, build_run
from torchferry.training.trainer.compare_start import compare_start


def start_at(checkpoint: Path | None, *, given: bool = False) -> Start:
    return Start(checkpoint, Progress(), "launch", 0, False, 0, given)


def scaled(mean: float = 1.0, samples: int = 8, other_tests: bool = False) -> Source:
    """Points whose mean is computed from them."""
    known = TableInput(columns=("a", "b", "c"), mean=(mean,) * 3, std=(1.0,) * 3)

    def refit(given: Input) -> Source:
        return replace(source, input=given)

    listings = {"test": Listing(samples=6, sha256="other")} if other_tests else {}
    source = replace(tiny.corners(samples), input=known, refit=refit, listings=listings)
    return source


def run_over(known: Record | None = None, **args: Any) -> Run:
    recipe = tiny.recipe(data={"source": Component(name=f"{__name__}.scaled", args=args)})
    return build_run(recipe, tiny.ALONE, known)


def saved(folder: Path) -> Path:
    """A checkpoint of a run whose mean was 1."""
    text = compare_start(run_over(), start_at(None))
    (folder / "fingerprint.json").write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    (folder / "checksums.json").write_text(json.dumps({"fingerprint.json": digest}))
    return folder


def of_before(folder: Path) -> Path:
    """A checkpoint without a fingerprint."""
    (folder / "checksums.json").write_text("{}")
    return folder


@pytest.fixture
def best() -> Progress:
    return Progress(best=0.5, best_step=4, stale=1)


def test_a_run_that_starts_anew_says_nothing(alone: RankInfo, capsys: pytest.CaptureFixture[str]) -> None:
    del alone
    assert json.loads(compare_start(tiny.build(), start_at(None)))["labels"] == ["x", "y", "z"]
    assert capsys.readouterr().out == ""


def test_what_was_fitted_stays_and_samples_that_came_are_said(
    alone: RankInfo, tmp_path: Path, best: Progress, capsys: pytest.CaptureFixture[str]
) -> None:
    del alone
    path = saved(tmp_path)
    run = run_over(record_of(OnDisk(path)), mean=5.0, samples=16)
    run.progress = best
    content = json.loads(compare_start(run, start_at(path)))
    assert content["input"]["mean"] == [1.0] * 3
    assert run.model.mean.tolist() == [1.0] * 3
    assert run.progress == best
    assert torch.equal(next(run.feed.epoch(0, 0)).inputs.sum(dim=1), torch.ones(4))
    assert capsys.readouterr().out == (
        "tiny: what was computed from the samples when the run began, such as their mean, stays as it was\n"
        "tiny: 16 training samples now, 8 before\n"
    )


def test_a_checkpoint_that_was_not_known_when_the_run_was_built_is_refused_by_what_differs(
    alone: RankInfo, tmp_path: Path
) -> None:
    """As where another process has begun the run between the record and the lock."""
    del alone
    path = saved(tmp_path)
    with pytest.raises(UserError, match=r"^data\.source: its mean is \[5\.0, .*; .* was trained with \[1\.0, "):
        compare_start(run_over(mean=5.0), start_at(path))
    compare_start(run_over(mean=1.0), start_at(path))


def test_a_checkpoint_that_has_gone_since_is_said(alone: RankInfo, tmp_path: Path) -> None:
    del alone
    known = record_of(OnDisk(saved(tmp_path)))
    with pytest.raises(UserError, match=f"^{tmp_path}: has gone since this process began; start it again"):
        compare_start(run_over(known), start_at(None))


def test_after_a_change_of_the_test_set_the_best_is_looked_for_anew(
    alone: RankInfo, tmp_path: Path, best: Progress
) -> None:
    del alone
    path = saved(tmp_path)
    run = run_over(other_tests=True)
    run.progress = best
    compare_start(run, start_at(path))
    assert (run.progress.best, run.progress.best_step, run.progress.stale) == (None, -1, 0)


def test_a_checkpoint_of_an_earlier_version_is_said(
    alone: RankInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del alone
    compare_start(tiny.build(), start_at(of_before(tmp_path)))
    said = capsys.readouterr().out
    assert (
        said == f"tiny: {tmp_path} holds no fingerprint, as those of earlier versions; its samples cannot be compared\n"
    )


def test_of_such_a_one_what_is_known_of_its_run_counts(alone: RankInfo, tmp_path: Path) -> None:
    """As from the model in its store, which is on no disk."""
    del alone
    card = {"labels": ["x", "y", "z"], "targets": "classes", "target_scale": None}
    known = Record("s3://bucket/digits", card | {"input": to_plain(scaled(1.0).input)})
    run = run_over(known, mean=5.0, samples=16)
    run.progress = Progress(samples=8)
    content = json.loads(compare_start(run, start_at(of_before(tmp_path))))
    assert content["input"]["mean"] == [1.0] * 3
    unknown = run_over(mean=5.0, samples=16)
    unknown.progress = Progress(samples=8)
    with pytest.raises(UserError, match="gives 16 training samples; the run began with 8, in an earlier version"):
        compare_start(unknown, start_at(tmp_path))


def test_another_kind_of_samples_is_refused(alone: RankInfo, tmp_path: Path) -> None:
    del alone
    path = saved(tmp_path)
    with pytest.raises(UserError, match=r"data\.source: its kind is tensor; .* was trained with table"):
        compare_start(tiny.build(), start_at(path))


@pytest.mark.parametrize("known", [True, False])
def test_rows_that_come_are_refused_where_they_would_be_shuffled(known: bool, alone: RankInfo, tmp_path: Path) -> None:
    del alone
    path = saved(tmp_path) if known else of_before(tmp_path)
    run = run_over(samples=16)
    run.progress = Progress(samples=8)
    source = replace(run.recipe.data.source, args={"split": "shuffle"})
    run.recipe = replace(run.recipe, data=replace(run.recipe.data, source=source))
    with pytest.raises(UserError, match="split: shuffle would move rows from the test set into training"):
        compare_start(run, start_at(path))
