"""The strategy, apart from servers: which points race, and which are never asked.

1. Each variant and division of the cores, a family, is asked in a closed loop for a rate that it cannot exceed, with a
   batch of the middle: its bound.
2. Those whose bound is near the highest race with each of their batches, the highest bound first.
3. The best two batches race with their longer delays.
4. The best two points are measured again in turn, because a machine's speed wanders, and the median decides.
"""

import itertools
from collections.abc import Iterable
from statistics import median

from torchferry.benchmarks.tune.evidence import Entry, Evidence
from torchferry.benchmarks.tune.point import Family, Group, Point
from torchferry.benchmarks.tune.race import Race, Servers

Batch = list[Point]
"""Points that differ in the delay alone, the shortest first."""
FAMILIES, WEAK = 4, 0.7  # that race at the most; of the highest bound: no batch makes up for less
FINALISTS, ROUNDS = 2, 3  # the third where the first two disagree


class Search:
    def __init__(self, servers: Servers, evidence: Evidence, p99_ms: float, resolution: float) -> None:
        self.race = Race(servers, evidence, p99_ms, resolution)
        self.evidence, self.resolution = evidence, resolution

    @property
    def best(self) -> Entry | None:
        return self.race.best

    def exhaustive(self) -> None:
        """Measure every point fully, and the best two again."""
        for point in self.evidence.entries:
            self.race.measure(point)
        self._confirm()

    def tune(self) -> None:
        families = families_of(self.evidence.entries)
        firsts = [first for batches in families.values() if (first := self._bound(batches))]
        firsts.sort(key=lambda entry: -entry.bound)
        for rank, first in enumerate(firsts):
            if rank < FAMILIES and first.bound >= WEAK * firsts[0].bound:
                self._race(families[first.point.family], first)
            else:
                self._give_up(families[first.point.family], first)
        self._delays(batch for batches in families.values() for batch in batches)
        self._confirm()

    def _bound(self, batches: Iterable[Batch]) -> Entry | None:
        """The first that starts, with its bound."""
        for shortest, *longer in batches:
            if self.race.bound(shortest):
                return self.evidence.entries[shortest]
            self._skip(longer, "it failed with a shorter delay")
        return None

    def _race(self, batches: Iterable[Batch], first: Entry) -> None:
        """Those that differ from the first in what they can hold, and itself."""
        for shortest, *longer in batches:
            if shortest is not first.point and min(shortest.batch, first.point.batch) >= first.connections:
                why = f"as batch {first.point.batch}: no more than {first.connections} are under way"
                self._skip([shortest, *longer], why)
            elif self._untried(shortest) and not self.race.challenge(shortest):
                self._skip(longer, "it failed with a shorter delay")

    def _give_up(self, batches: Iterable[Batch], first: Entry) -> None:
        self.evidence.settle(first.point, "pruned", "other variants or divisions of the cores answer far more")
        for batch in batches:
            self._skip(batch, f"others answer far more than this with batch {first.point.batch}")

    def _delays(self, batches: Iterable[Batch]) -> None:
        """Longer delays of the best batches, as long as they do not lose clearly."""
        best = [entry.point.group for entry in self.race.nearest()[:FINALISTS]]
        for batch in batches:
            for shorter, point in itertools.pairwise(batch):
                if point.group not in best:
                    self._skip([point], "its batch is not among the best at the shortest delay")
                elif not self.race.near(self.evidence.entries[shorter]):
                    self._skip([point], f"its batch lost clearly with a delay of {shorter.delay_ms:g} ms")
                else:
                    self.race.challenge(point)

    def _confirm(self) -> None:
        finalists = self.race.nearest()[:FINALISTS]
        leaders = []
        for _ in range(ROUNDS):
            finalists = [entry for entry in finalists if self.race.again(entry.point)]
            if not finalists:
                self.race.best = None
                return
            leaders.append(max(finalists, key=lambda entry: entry.confirmed[-1]))
            if len(leaders) == 2 and leaders[0] is leaders[1] and self._steady(leaders[0]):
                break
        self.race.win(max(finalists, key=lambda entry: median(entry.confirmed)))

    def _steady(self, entry: Entry) -> bool:
        """It was about the same twice, so that its median says something."""
        return max(entry.confirmed) <= (1 + 4 * self.resolution) * min(entry.confirmed)

    def _untried(self, point: Point) -> bool:
        return self.evidence.entries[point].verdict == "untried"

    def _skip(self, points: Iterable[Point], why: str) -> None:
        for point in filter(self._untried, points):
            self.evidence.settle(point, "skipped", why)


def families_of(points: Iterable[Point]) -> dict[Family, list[Batch]]:
    """The batches of each, that of the middle first."""
    groups: dict[Group, Batch] = {}
    for point in sorted(points, key=lambda point: (point.batch, point.delay_ms)):
        groups.setdefault(point.group, []).append(point)
    families: dict[Family, list[Batch]] = {}
    for batch in groups.values():
        families.setdefault(batch[0].family, []).append(batch)
    for batches in families.values():
        batches.insert(0, batches.pop(len(batches) // 2))
    return families
