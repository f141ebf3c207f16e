"""A server's process: waited for until it is ready, has ended or takes too long, and read with all its children."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from torchferry.benchmarks.servers import process as processes
from torchferry.benchmarks.servers.process import SECONDS_TO_START, Process, process
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.errors import ServerFault, UserError


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time goes on by itself."""
    now = iter(range(10**6))
    monkeypatch.setattr(time, "monotonic", now.__next__)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


def a_process(folder: Path, log: str = "", code: int | None = None) -> Process:
    """One that has said this, and ended with this code if there is one."""
    (folder / "log").write_text(log)
    return Process(SimpleNamespace(poll=lambda: code, returncode=code), folder / "log")


def test_it_is_asked_until_it_gives_something(tmp_path: Path) -> None:
    def answers() -> Iterator[int | None]:
        yield None
        yield 0

    failures: list[Exception] = [UserError("no answer"), ServerFault("not yet")]
    given = answers()

    def found() -> int | None:
        if failures:
            raise failures.pop()
        return next(given)

    assert a_process(tmp_path).until(found) == 0


@pytest.mark.parametrize(
    ("log", "words"), [("loading\n no port \n\n", "no port"), ("", "it said nothing"), ("\n", "it said nothing")]
)
def test_one_that_ends_says_why_by_its_last_line(log: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as ended:
        a_process(tmp_path, log, code=3).until(lambda: None)
    assert str(ended.value) == f"ended with exit code 3: {words}"


def test_one_that_takes_too_long_is_given_up_with_the_last_refusal(tmp_path: Path) -> None:
    refusals: list[int] = []

    def refuse() -> None:
        refusals.append(1)
        raise UserError(f"refused {len(refusals)} times")

    with pytest.raises(Unavailable) as late:
        a_process(tmp_path, "loading").until(refuse)
    assert len(refusals) >= SECONDS_TO_START
    assert str(late.value) == f"was not ready after 120 s: refused {len(refusals)} times"


def test_one_that_takes_too_long_without_a_word_is_given_up_with_its_last_line(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="was not ready after 120 s: loading"):
        a_process(tmp_path, "loading").until(lambda: None)


def test_its_children_count(tmp_path: Path) -> None:
    def member(user: float, pss: int, status: str = psutil.STATUS_RUNNING) -> SimpleNamespace:
        return SimpleNamespace(
            status=lambda: status,
            cpu_times=lambda: (user, 1.0, 0.0, 0.0, 99.0),  # the last is waiting for a disk
            memory_full_info=lambda: SimpleNamespace(pss=pss),
        )

    parent = member(2, 10)
    parent.children = lambda recursive: [member(3, 20), member(4, 40, psutil.STATUS_ZOMBIE)] if recursive else []
    family = Process(parent, tmp_path / "log")
    assert (family.cpu_seconds(), family.memory_bytes()) == (7, 30)


def test_one_that_does_not_stop_when_told_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "SECONDS_TO_STOP", 0.05)
    with process(["sh", "-c", "trap '' TERM; echo deaf; sleep 1000"], tmp_path / "log", talks=True) as running:
        assert running.process.stdout.readline() == "deaf\n"
    # The shell may still say how the sleep ended that was killed before it.
    assert running.process.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL)
