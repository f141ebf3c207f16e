"""Honest requests alone and beside the attack, in turn, to one server that is not restarted between them."""

from argparse import Namespace
from collections import Counter
from pathlib import Path

from torchferry.benchmarks.hostile.attack import Counted, attacking
from torchferry.benchmarks.hostile.honest import HEAD, Found, found, row
from torchferry.benchmarks.hostile.started import Started
from torchferry.benchmarks.hostile.vitals import Vitals
from torchferry.benchmarks.interruption import end_as
from torchferry.benchmarks.interval import median_interval
from torchferry.benchmarks.load.options import measure_open
from torchferry.benchmarks.record import Figure
from torchferry.benchmarks.rounds import Rounds, alternate, column

ALONE, ATTACKED = "alone", "attacked"
GOAL_MS = 250.0
"""By how much the slowest honest answer may be slower beside the attack."""


class Sides:
    def __init__(self, started: Started, options: Namespace) -> None:
        self.started, self.options = started, options
        self.counted: Counted = {name: Counter() for name in options.attacks}
        self.outcomes: Counter[str] = Counter()
        """Of all honest requests beside the attack."""
        self.seen = [Vitals.of(started.process)]
        """Before everything, and at the end of each attack."""

    def alternate(self, folder: Path) -> Rounds[Found]:
        measures = {ALONE: lambda _: self._measured(ALONE), ATTACKED: lambda _: self._attacked()}
        return alternate(measures, self.options.rounds, title="hostile", scratch=folder)

    def _attacked(self) -> Found:
        with attacking(self.started.where, self.options.attacks) as counted:
            measured = self._measured(ATTACKED)
            self.seen.append(Vitals.of(self.started.process))
        for name, of in counted.items():
            self.counted[name] += of
        return measured

    def _measured(self, title: str) -> Found:
        result = measure_open(self.started.target, self.options.rate, self.options, title)
        end_as(result.interrupted)
        if title == ATTACKED:
            self.outcomes.update(result.outcomes)
        return found(result)


def table(rounds: Rounds[Found]) -> str:
    lines = [HEAD, *(row(side, measured) for side, measured in rounds.of.items())]
    more = differences(rounds)
    verdict = "met" if max(more) <= GOAL_MS else "missed"
    lines.append(
        f"p100 more beside the attack: {median_interval(more)} ms, {max(more):.1f} at most; "
        f"goal at most {GOAL_MS:g}: {verdict}"
    )
    return "\n".join(lines)


def differences(rounds: Rounds[Found]) -> list[float]:
    """By how much p100 of a round was larger beside the attack."""
    pairs = zip(column(rounds.of[ALONE], "p100 ms"), column(rounds.of[ATTACKED], "p100 ms"), strict=True)
    return [attacked - alone for alone, attacked in pairs]


def figures(rounds: Rounds[Found]) -> dict[str, Figure]:
    keys = ("p50 ms", "p99 ms", "p100 ms", "failed")
    return {
        f"{side} {key}": Figure(better="lower", values=column(measured, key))
        for side, measured in rounds.of.items()
        for key in keys
    }
