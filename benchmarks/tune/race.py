"""The next rates to ask of each point, and the best point until now.

The first is measured fully. A challenger is asked for a step above the best rate, and is out unless that holds.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from statistics import median
from typing import Protocol

from torchferry.benchmarks.tune.climb import climb, highest
from torchferry.benchmarks.tune.evidence import Entry, Evidence, Probe
from torchferry.benchmarks.tune.point import Point

START = 0.8  # of its bound: where the first is searched for
TRIES = 2  # of a rate: what else the machine does makes a server slower for a moment, and never quicker
CLOSE_MS, CLOSE_RATE = 1.5, 0.9  # times the limit, and of the best rate: near enough to have lost by chance


class CannotRun(Exception):
    """A server does not start or answer at a point; the text says in one line why."""


class Running(Protocol):
    """A server at a point."""

    def capacity(self) -> tuple[float, int]:
        """Answers a second of a closed loop, and its connections: no fewer than can be under way within the limit."""

    def probe(self, rate: float) -> Probe:
        """An open loop."""


class Servers(Protocol):
    def at(self, point: Point) -> AbstractContextManager[Running]:
        """Started, and stopped at the end of the block. Raises CannotRun."""


class Race:
    """Its methods that ask a point say whether the server could be asked."""

    def __init__(self, servers: Servers, evidence: Evidence, p99_ms: float, resolution: float) -> None:
        self.servers, self.evidence = servers, evidence
        self.p99_ms, self.resolution = p99_ms, resolution
        self.best: Entry | None = None
        """That with the highest rate until now."""

    def bound(self, point: Point) -> bool:
        """Ask for a rate that it cannot exceed."""
        return self._ask(point, self._bound)

    def challenge(self, point: Point) -> bool:
        """Let it race."""
        return self._ask(point, self._challenge)

    def measure(self, point: Point) -> bool:
        """Fully, whatever the others hold."""
        return self._ask(point, self._fully)

    def again(self, point: Point) -> bool:
        """Measure it once more, up to the best rate: no more is to be confirmed."""
        return self._ask(point, self._again)

    def win(self, entry: Entry) -> None:
        """Whatever held before: nothing won that did not hold any rate again."""
        rate = median(entry.confirmed)
        self.best = entry if rate else None
        if rate and entry.rate is None:  # it had lost by chance
            entry.rate = rate
            self.evidence.settle(entry.point, "measured", f"holds {rate:,.4g}/s, more than what it had lost to")

    def nearest(self) -> list[Entry]:
        """The best, and after it those that may be as good."""
        near = [entry for entry in self.evidence.entries.values() if self.near(entry)]
        return sorted(near, key=lambda entry: (-entry.highest, entry.probes[-1].p99_ms))

    def near(self, entry: Entry) -> bool:
        """It has the best rate, or is so close to it that chance may have decided."""
        least = CLOSE_RATE * self.best.highest if self.best else 0.0
        if entry.verdict == "measured":
            return entry.highest >= least > 0
        if entry.verdict != "pruned" or not entry.probes:
            return False
        last = entry.probes[-1]
        went_well = not (last.saturated or last.errors or last.void)
        return went_well and last.rate >= least and last.p99_ms <= CLOSE_MS * self.p99_ms

    def _ask(self, point: Point, how: Callable[[Entry, Running], None]) -> bool:
        with self.evidence.trying(point) as entry:
            try:
                with self.servers.at(point) as running:
                    how(entry, running)
            except CannotRun as error:
                self.evidence.settle(point, "failed", str(error))
                return False
        return True

    def _bound(self, entry: Entry, running: Running) -> None:
        entry.capacity, entry.connections = running.capacity()
        self.evidence.say(f"{entry.name}: at most {entry.capacity:,.4g}/s")

    def _challenge(self, entry: Entry, running: Running) -> None:
        if not self.best:
            self._fully(entry, running)
            return
        asked = (1 + self.resolution) * self.best.highest
        holds = self._asking(entry, running)
        if holds(asked):
            self._measured(entry, climb(holds, asked, self.resolution))
        else:
            self.evidence.settle(entry.point, "pruned", f"does not hold {asked:,.4g}/s: {entry.probes[-1].says}")

    def _fully(self, entry: Entry, running: Running) -> None:
        if entry.capacity is None:
            self._bound(entry, running)
        self._measured(entry, highest(self._asking(entry, running), START * (entry.capacity or 0.0), self.resolution))

    def _again(self, entry: Entry, running: Running) -> None:
        most = self.best.highest if self.best else entry.highest
        before = [rate for rate in entry.confirmed if rate] or [most]
        asked = self._asking(entry, running)
        again = highest(lambda rate: rate <= most and asked(rate), before[-1], self.resolution)
        entry.confirmed.append(again)
        self.evidence.say(f"{entry.name}: holds {again:,.4g}/s again")

    def _measured(self, entry: Entry, rate: float) -> None:
        entry.rate = rate
        self.evidence.settle(entry.point, "measured", f"holds {rate:,.4g}/s" if rate else "holds no rate")
        if rate > (self.best.highest if self.best else 0.0):
            self.best = entry
            self.evidence.crown(entry)

    def _asking(self, entry: Entry, running: Running) -> Callable[[float], bool]:
        def holds(rate: float) -> bool:
            for _ in range(TRIES):
                entry.probes.append(running.probe(rate))
                if entry.probes[-1].holds:
                    return True
            return False

        return holds
