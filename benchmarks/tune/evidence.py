"""The record of a search: every point that was tried, its probes, its outcome and the reason if it was given up."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, get_args

from torchferry.benchmarks.tune.point import Point

Verdict = Literal["untried", "measured", "pruned", "skipped", "failed"]
"""measured: its highest rate is known. pruned: a probe or its capacity said no. skipped: it was never asked."""
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """An open loop at one rate."""

    rate: float
    holds: bool
    """All of it was answered, without an error, and p99 is within the limit."""
    p99_ms: float
    achieved: float
    saturated: bool
    errors: int
    void: str | None

    @property
    def says(self) -> str:
        if self.void:
            return self.void
        if self.errors:
            return f"{self.errors:,} errors"
        return f"p99 {self.p99_ms:,.3g} ms" + (", it falls behind" if self.saturated else "")


@dataclass(kw_only=True)
class Entry:
    point: Point
    name: str
    verdict: Verdict = "untried"
    why: str = ""
    capacity: float | None = None
    """Answers a second of a closed loop: more than any open loop within the limit."""
    connections: int = 0
    """Of that loop."""
    rate: float | None = None
    """The highest that held; 0 if none did."""
    probes: list[Probe] = field(default_factory=list)
    confirmed: list[float] = field(default_factory=list)
    """The same, each time the point was measured again at the end."""
    seconds: float = 0.0
    """That all of this took."""

    @property
    def bound(self) -> float:
        return self.capacity or 0.0

    @property
    def highest(self) -> float:
        return self.rate or 0.0

    @property
    def rates(self) -> list[float]:
        """Those that its worth is judged by."""
        return self.confirmed or [self.highest]


@dataclass(frozen=True, kw_only=True)
class Champion:
    """From some second on."""

    seconds: float
    name: str
    rate: float


class Evidence:
    def __init__(self, points: Sequence[Point], tell: Callable[[str], None]) -> None:
        self.entries = {point: Entry(point=point, name=str(point)) for point in points}
        self.course: list[Champion] = []
        """How the best rate rose."""
        self.started, self.tell = time.monotonic(), tell

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def say(self, words: str) -> None:
        self.tell(f"{self.seconds:7.1f} s  {words}")

    def count(self, verdict: Verdict) -> int:
        return sum(entry.verdict == verdict for entry in self.entries.values())

    @contextmanager
    def trying(self, point: Point) -> Iterator[Entry]:
        """The time within is the point's."""
        entry, started = self.entries[point], time.monotonic()
        try:
            yield entry
        finally:
            entry.seconds += time.monotonic() - started

    def settle(self, point: Point, verdict: Verdict, why: str) -> None:
        entry = self.entries[point]
        entry.verdict, entry.why = verdict, why
        self.say(f"{entry.name}: {verdict}, {why}")

    def crown(self, entry: Entry) -> None:
        self.course.append(Champion(seconds=self.seconds, name=entry.name, rate=entry.highest))
