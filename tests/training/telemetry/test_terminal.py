"""Without a terminal a long silence is broken by a line that says where the run stands."""

import sys
from collections.abc import Iterator

import pytest

from tests.waiting import wait_until
from torchferry.training.evaluation import Evaluation
from torchferry.training.progress import Progress
from torchferry.training.telemetry import terminal
from torchferry.training.telemetry.report import Report
from torchferry.training.telemetry.terminal import Bar, Lines, open_terminal

REPORT = Report(
    epoch=2,
    step=12,
    loss=0.5,
    learning_rate=0.1,
    gradient_norm=1.0,
    samples_per_second=1234.5,
    step_seconds=[0.1],
    data_wait_ratio=[0.0],
    forward_seconds=[0.1],
    corrupt=0,
    skipped=0,
)
RESULT = Evaluation(
    split="test",
    samples=7,
    corrupt=0,
    values={"accuracy": 0.75, "macro_f1": 0.5},
    told=("accuracy",),
    score=0,
    shown=[],
)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def stands() -> Progress:
    """Where the run goes on: after its first epoch of 10 steps."""
    return Progress(epoch=1, step=10)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines(stands: Progress, clock: Clock) -> Iterator[Lines]:
    lines = Lines(stands, 40, 4, clock)
    yield lines
    lines.close()


def test_before_the_first_step_it_says_what_it_knows(lines: Lines) -> None:
    assert lines.standing() == "epoch 2/4  step 10/40"


def test_before_the_first_report_it_says_how_long_it_takes(lines: Lines, stands: Progress, clock: Clock) -> None:
    stands.step, stands.batch, clock.now = 12, 2, 60
    assert lines.standing() == "epoch 2/4  step 12/40  0:14:00 left"


def test_after_a_report_it_says_the_loss_and_the_rate(lines: Lines, stands: Progress, clock: Clock) -> None:
    lines.report(REPORT)
    stands.step, stands.batch, clock.now = 15, 5, 10
    assert lines.standing() == "epoch 2/4  step 15/40  loss 0.5000, 1,234 samples/s  0:00:50 left"


def test_during_an_evaluation_it_says_so(lines: Lines, stands: Progress, clock: Clock) -> None:
    lines.report(REPORT)
    stands.step, stands.batch, clock.now = 20, 10, 10
    lines.evaluating()
    assert lines.standing() == "epoch 2/4  step 20/40  evaluating  0:00:20 left"
    lines.evaluated(2, 0.5, RESULT)
    assert "evaluating" not in lines.standing()


def test_the_last_evaluation_is_of_the_last_epoch(lines: Lines, stands: Progress, clock: Clock) -> None:
    stands.step, stands.epoch, stands.batch, clock.now = 40, 4, 0, 10
    lines.evaluating()
    assert lines.standing() == "epoch 4/4  step 40/40  evaluating"


def test_silence_is_broken_and_what_is_said_ends_it(
    stands: Progress, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "SILENCE", 0.02)
    lines, heard = Lines(stands, 40, 4), []

    def two_lines() -> bool:
        heard.append(capsys.readouterr().out)
        return "".join(heard).count("\n") >= 2

    wait_until(two_lines)
    lines.close()
    assert set("".join(heard).splitlines()) == {"epoch 2/4  step 10/40"}


def test_a_short_run_has_its_epochs_and_no_other_line(
    lines: Lines, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    clock.now = 24
    lines.report(REPORT)
    lines.evaluated(2, 0.5, RESULT)
    assert lines.said == 24
    lines.close()
    assert capsys.readouterr().out == "epoch 2/4  train loss 0.5000  test accuracy 75.00%\n"


def test_less_than_30_seconds_go_by_without_a_line() -> None:
    assert terminal.SILENCE < 30


def test_a_terminal_has_a_bar_and_all_else_lines(stands: Progress, monkeypatch: pytest.MonkeyPatch) -> None:
    for stdout, kind in ((True, Bar), (False, Lines)):
        monkeypatch.setattr(sys.stdout, "isatty", lambda stdout=stdout: stdout)
        shown = open_terminal(stands, total=40, epochs=4)
        shown.step()
        shown.report(REPORT)
        shown.evaluating()
        shown.evaluated(2, None, RESULT)
        shown.close()
        assert type(shown) is kind
