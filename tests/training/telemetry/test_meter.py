"""A report is about the steps since the one before it, and all that it says is of those."""

import itertools
import math
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from torchferry.errors import UserError
from torchferry.training.data.collate import Batch
from torchferry.training.distributed.process_group import RankInfo
from torchferry.training.telemetry.meter import Meter
from torchferry.training.telemetry.report import Report
from torchferry.training.telemetry.reporters import NullReporter
from torchferry.training.telemetry.sample_log import NoSampleLog, SampleLog


class Heard(NullReporter):
    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self.reports: list[Report] = []

    def step(self, **values: Any) -> None:
        self.steps.append(values)

    def report(self, report: Report) -> None:
        self.reports.append(report)


def meter(rank_info: RankInfo, samples: SampleLog | None = None, *, guarded: bool = False) -> tuple[Meter, Heard]:
    heard = Heard()
    sums = torch.zeros(2, dtype=torch.float64)
    return Meter(rank_info, 4, sums, heard, samples or NoSampleLog(), guarded=guarded), heard


def batch(*indices: int, corrupt: tuple[str, ...] = ()) -> Batch:
    numbers = torch.tensor(indices)
    return Batch(numbers.float(), numbers, numbers, 0, list(corrupt))


def report(of: Meter, step: int, norm: torch.Tensor | None = None) -> None:
    of.report(epoch=1, step=step, learning_rate=0.5, norm=norm, forward=0.125, skipped=7)


def test_a_report_is_the_mean_of_the_steps_since_the_last(alone: RankInfo) -> None:
    measuring, heard = meter(alone)
    for step, (loss, seconds) in enumerate([(1.0, 0.5), (2.0, 1.5), (5.0, 4.0)], 1):
        measuring.stepped(step, torch.tensor(loss), seconds)
        if step > 1:
            report(measuring, step, torch.tensor(3.0) if step == 3 else None)
    first, second = heard.reports
    assert (first.loss, first.step_seconds, first.samples_per_second) == (1.5, [1.0], 4.0)
    assert (second.loss, second.step_seconds, second.samples_per_second) == (5.0, [4.0], 1.0)
    assert math.isnan(first.gradient_norm)
    assert (second.gradient_norm, second.forward_seconds, second.skipped) == (3.0, [0.125], 7)


def test_waiting_for_data_is_a_share_of_the_steps_time(alone: RankInfo, monkeypatch: pytest.MonkeyPatch) -> None:
    measuring, heard = meter(alone)
    monkeypatch.setattr(time, "perf_counter", itertools.count(step=2).__next__)  # each batch takes 2 s
    batches = measuring.watch(iter([batch(0), batch(1), batch(2)]))
    for step, taken in ((1, 1), (2, 2)):
        assert len(list(itertools.islice(batches, taken))) == taken
        measuring.stepped(step, torch.tensor(1.0), 8.0)
    report(measuring, 2)
    assert [values["waited"] for values in heard.steps] == [2, 4]
    assert heard.reports[0].data_wait_ratio == [6 / 16]


def test_samples_are_logged_by_step(alone: RankInfo, tmp_path: Path) -> None:
    log = SampleLog(tmp_path, 0)
    measuring, _ = meter(alone, log)
    batches = measuring.watch(iter([batch(3, 1), batch(2, 0), batch(5)]))
    for step, taken in ((1, 2), (2, 1)):
        assert len(list(itertools.islice(batches, taken))) == taken
        measuring.stepped(step, torch.tensor(1.0), 1.0)
    log.file.close()
    assert (tmp_path / "samples-0.csv").read_text() == "1,3,1,2,0\n2,5\n"


def test_samples_that_cannot_be_read_are_named_and_counted_once(
    alone: RankInfo, capsys: pytest.CaptureFixture[str]
) -> None:
    measuring, heard = meter(alone)
    assert len(list(measuring.watch(iter([batch(0, corrupt=("a is cut", "b is cut"))])))) == 1
    for step in (1, 2):
        measuring.stepped(step, torch.tensor(1.0), 1.0)
        report(measuring, step)
    assert capsys.readouterr().err == "torchferry: a is cut; skipped\ntorchferry: b is cut; skipped\n"
    assert [told.corrupt for told in heard.reports] == [2, 0]


def test_a_step_that_was_left_out_does_not_count(alone: RankInfo) -> None:
    measuring, heard = meter(alone, guarded=True)
    for loss in (1.0, math.nan, 2.0, math.inf):
        measuring.stepped(1, torch.tensor(loss), 1.0)
    report(measuring, 4)
    assert heard.reports[0].loss == 1.5


@pytest.mark.parametrize("guarded", [False, True])
def test_a_loss_that_is_no_number_ends_the_run(guarded: bool, alone: RankInfo) -> None:
    measuring, heard = meter(alone, guarded=guarded)
    measuring.stepped(6, torch.tensor(math.nan), 1.0)
    with pytest.raises(UserError, match=r"^the training loss is nan at step 6; a smaller optimizer.args.lr"):
        report(measuring, 6)
    assert not heard.reports


def test_a_report_that_a_checkpoint_came_before_knows_the_losses_of_before(alone: RankInfo) -> None:
    heard, sums = Heard(), torch.tensor([6.0, 2.0], dtype=torch.float64)  # of two steps
    measuring = Meter(alone, 4, sums, heard, NoSampleLog(), guarded=False)
    measuring.stepped(3, torch.tensor(0.0), 1.0)
    assert sums.tolist() == [6, 3]
    report(measuring, 3)
    assert heard.reports[0].loss == 2.0
    assert sums.tolist() == [0, 0]
