"""A part has its own time, and its failure is its own."""

import signal
import time
from pathlib import Path

import pytest

from tests.benchmarks.gpu.given import setting
from torchferry.benchmarks.gpu.part import Outcome, Part, run_part
from torchferry.benchmarks.gpu.setting import Setting
from torchferry.errors import ServerFault


def half(_: Setting, outcome: Outcome) -> None:
    outcome.add("first", "done", value=1.0)
    raise ServerFault("the second\nfailed")


def endless(_: Setting, outcome: Outcome) -> None:
    outcome.add("first", "done")
    try:
        time.sleep(60)
    finally:
        outcome.add("cleaned up", "done")


def test_what_was_found_before_a_failure_stays(tmp_path: Path) -> None:
    outcome = run_part(Part("half", 60, half), setting(tmp_path), 60)
    assert [line.what for line in outcome.lines] == ["first"]
    assert outcome.failed == "ServerFault: the second failed"


@pytest.mark.parametrize(("own", "left"), [(0.05, 60.0), (60.0, 0.05)])
def test_it_is_stopped_after_its_time_or_that_of_all_and_cleans_up(own: float, left: float, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGALRM)
    outcome = run_part(Part("endless", own, endless), setting(tmp_path), left)
    assert outcome.failed == "was stopped after 0 s"
    assert [line.what for line in outcome.lines] == ["first", "cleaned up"]
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_one_for_which_no_time_is_left_is_left_out(tmp_path: Path) -> None:
    outcome = run_part(Part("half", 60, half), setting(tmp_path), -1)
    assert (outcome.left_out, outcome.failed, outcome.lines) == (["half: no time was left"], None, [])


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_signal_ends_the_whole_command(error: type[BaseException], tmp_path: Path) -> None:
    def interrupted(_: Setting, __: Outcome) -> None:
        raise error

    with pytest.raises(error):
        run_part(Part("interrupted", 60, interrupted), setting(tmp_path), 60)
