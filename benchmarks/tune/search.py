"""The strategy, apart from servers: which point is asked what, and when it is given up.

Each batch and division of the cores is asked in a closed loop, at its shortest delay, for a rate that it cannot exceed:
its bound. Then the points race, the highest bound first. The first is measured fully; a challenger is asked once, a
step above the best rate so far, and is out unless that holds. A bound below the best rate needs no race. The best two
are measured again in turn, because a machine's speed wanders, and the median decides.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from statistics import median
from typing import Protocol

from benchmarks.tune.climb import climb, highest
from benchmarks.tune.evidence import Entry, Evidence, Probe
from benchmarks.tune.point import Family, Group, Point

START = 0.8  # of its bound: where the first is searched for
DOUBT = 0.9  # a bound is wrong by less than a tenth
CLOSE_MS, CLOSE_RATE = 1.5, 0.9  # times the limit, and of the best rate: near enough to have lost by chance
PATIENCE = 4  # that lose one after the other
FINALISTS, ROUNDS = 2, 3  # the third where the first two disagree


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


class Search:
    def __init__(self, servers: Servers, evidence: Evidence, p99_ms: float, resolution: float) -> None:
        self.servers, self.evidence = servers, evidence
        self.p99_ms, self.resolution = p99_ms, resolution
        self.best: Entry | None = None
        """That with the highest rate until now."""
        self.groups: dict[Group, list[Point]] = {}
        """The most promising first, each by rising delay."""
        for point in evidence.entries:
            self.groups.setdefault(point.group, []).append(point)
        for points in self.groups.values():
            points.sort(key=lambda point: point.delay_ms)

    def exhaustive(self) -> None:
        """Measure every point fully."""
        for point in self.evidence.entries:
            self._ask(point, self._fully)

    def tune(self) -> None:
        bounds = self._bounds()
        lost = 0
        for group in sorted(bounds, key=lambda group: -bounds[group]):
            first = self.groups[group][0]
            if bounds[group] * self._quicker(bounds) < DOUBT * (self.best.highest if self.best else 0.0):
                why = f"answers at most {bounds[group]:,.4g}/s, less than the best so far"
                self.evidence.settle(first, "pruned", why)
            elif lost == PATIENCE:
                self._skip([first], f"the last {PATIENCE} lost, which can answer more")
            else:
                self._ask(first, self._race)
                lost = 0 if self.best is self.evidence.entries[first] else lost + 1
        self._delays(bounds)
        self._confirm()

    def _delays(self, groups: Iterable[Group]) -> None:
        """Longer delays of the best batches, as long as they do not lose clearly."""
        best = [entry.point.group for entry in self._nearest()[:FINALISTS]]
        for group in groups:
            for shorter, point in itertools.pairwise(self.groups[group]):
                if group not in best:
                    self._skip([point], "its batch is not among the best at the shortest delay")
                elif not self._near(self.evidence.entries[shorter]):
                    self._skip([point], f"its batch lost clearly with a delay of {shorter.delay_ms:g} ms")
                else:
                    self._ask(point, self._race)

    def _bounds(self) -> dict[Group, float]:
        """What each group answers at the most, without those that are like another or do not start."""
        found: dict[Group, float] = {}
        full: dict[Family, str] = {}
        """Why larger batches are like one that was asked."""
        for group in sorted(self.groups, key=lambda group: group[-1]):  # within a batch the most promising first
            first, *others = self.groups[group]
            if first.family in full:
                self._skip([first, *others], full[first.family])
            elif not self._ask(first, self._screen):
                self._skip(others, "it failed with a shorter delay")
            else:
                entry = self.evidence.entries[first]
                found[group] = entry.capacity or 0.0
                if entry.connections <= first.batch:
                    full[first.family] = f"as batch {first.batch}: no more than {entry.connections} are under way"
        return found

    def _quicker(self, bounds: Mapping[Group, float]) -> float:
        """The machine, or a server that has warmed up, can be quicker now than when the bounds were measured."""
        return max(1.0, self.best.highest / bounds[self.best.point.group]) if self.best else 1.0

    def _nearest(self) -> list[Entry]:
        """The best, and after it those that may be as good."""
        near = [entry for entry in self.evidence.entries.values() if self._near(entry)]
        return sorted(near, key=lambda entry: (-entry.highest, entry.probes[-1].p99_ms))

    def _near(self, entry: Entry) -> bool:
        """It has the best rate, or is so close to it that chance may have decided."""
        least = CLOSE_RATE * self.best.highest if self.best else 0.0
        if entry.verdict == "measured":
            return entry.highest >= least > 0
        if entry.verdict != "pruned" or not entry.probes:
            return False
        last = entry.probes[-1]
        went_well = not (last.saturated or last.errors or last.void)
        return went_well and last.rate >= least and last.p99_ms <= CLOSE_MS * self.p99_ms

    def _confirm(self) -> None:
        finalists = self._nearest()[:FINALISTS]
        leaders = []
        for _ in range(ROUNDS):
            finalists = [entry for entry in finalists if self._ask(entry.point, self._again)]
            if not finalists:
                return
            leaders.append(max(finalists, key=lambda entry: entry.confirmed[-1]))
            if len(leaders) == 2 and leaders[0] is leaders[1] and self._steady(leaders[0]):
                break
        self.best = max(finalists, key=lambda entry: median(entry.confirmed))

    def _steady(self, entry: Entry) -> bool:
        """It was about the same twice, so that its median says something."""
        return max(entry.confirmed) <= (1 + 4 * self.resolution) * min(entry.confirmed)

    def _ask(self, point: Point, how: Callable[[Entry, Running], None]) -> bool:
        """Whether the server could be asked."""
        with self.evidence.trying(point) as entry:
            try:
                with self.servers.at(point) as running:
                    how(entry, running)
            except CannotRun as error:
                self.evidence.settle(point, "failed", str(error))
                return False
        return True

    def _screen(self, entry: Entry, running: Running) -> None:
        entry.capacity, entry.connections = running.capacity()
        self.evidence.say(f"{entry.name}: at most {entry.capacity:,.4g}/s")

    def _race(self, entry: Entry, running: Running) -> None:
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
            self._screen(entry, running)
        self._measured(entry, highest(self._asking(entry, running), START * (entry.capacity or 0.0), self.resolution))

    def _again(self, entry: Entry, running: Running) -> None:
        before = [rate for rate in entry.confirmed if rate] or [self.best.highest if self.best else entry.highest]
        entry.confirmed.append(highest(self._asking(entry, running), before[-1], self.resolution))
        self.evidence.say(f"{entry.name}: holds {entry.confirmed[-1]:,.4g}/s again")

    def _measured(self, entry: Entry, rate: float) -> None:
        entry.rate = rate
        self.evidence.settle(entry.point, "measured", f"holds {rate:,.4g}/s" if rate else "holds no rate")
        if rate > (self.best.highest if self.best else 0.0):
            self.best = entry
            self.evidence.crown(entry)

    def _asking(self, entry: Entry, running: Running) -> Callable[[float], bool]:
        def holds(rate: float) -> bool:
            entry.probes.append(running.probe(rate))
            return entry.probes[-1].holds

        return holds

    def _skip(self, points: Iterable[Point], why: str) -> None:
        for point in points:
            self.evidence.settle(point, "skipped", why)
