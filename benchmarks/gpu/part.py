"""A part of the command: it has a time of its own, and what goes wrong in it is its own as well."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import NamedTuple

from torchferry.benchmarks.gpu.setting import Setting


@dataclass(frozen=True)
class Line:
    """One figure of the table."""

    what: str
    result: str
    note: str = ""
    value: float | None = None
    """The figure as a number, where `compare` is to compare it; the more the better."""


@dataclass
class Outcome:
    """What a part found, as far as it came."""

    part: str
    lines: list[Line] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """What it did not do, each with the reason."""
    failed: str | None = None
    seconds: float = 0.0

    def add(self, what: str, result: str, note: str = "", value: float | None = None) -> None:
        self.lines.append(Line(what, result, note, value))


class Part(NamedTuple):
    name: str
    seconds: float
    """After which it is stopped."""
    run: Callable[[Setting, Outcome], None]


class OutOfTime(Exception):
    pass


def run_part(part: Part, setting: Setting, seconds_left: float) -> Outcome:
    """What it found; nothing that goes wrong in it is raised, but for what ends the whole command."""
    outcome, started, limit = Outcome(part.name), time.monotonic(), min(part.seconds, seconds_left)
    if limit <= 0:
        outcome.left_out.append(f"{part.name}: no time was left")
        return outcome
    try:
        with time_limit(limit):
            part.run(setting, outcome)
    except OutOfTime:
        outcome.failed = f"was stopped after {limit:.0f} s"
    except Exception as error:  # whatever is wrong with one part, the others go on
        outcome.failed = " ".join(f"{type(error).__name__}: {error}".split())
    outcome.seconds = time.monotonic() - started
    return outcome


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises OutOfTime in the block, which cleans up what it started. In the main thread alone."""

    def end(_: int, __: FrameType | None) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGALRM, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
