"""Measure several things in turn, A B C A B C, so that a change of the machine reaches all of them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Generic, TypeVar

from torchferry.benchmarks.interruption import end_as, exit_code

Result = TypeVar("Result", bound=Mapping[str, float])


@dataclass(frozen=True)
class Rounds(Generic[Result]):
    of: dict[str, list[Result]]
    """What each measure gave in each round that was finished."""
    interrupted: int | None = None
    """The exit code that belongs to the signal which ended them early, or None."""

    @property
    def finished(self) -> int:
        return min(map(len, self.of.values()), default=0)

    def whole(self) -> dict[str, list[Result]]:
        """For those who can do nothing with less: leaves if a signal ended them early."""
        end_as(self.interrupted)
        return self.of


def alternate(
    measures: Mapping[str, Callable[[Path], Result]], rounds: int, *, title: str, scratch: Path
) -> Rounds[Result]:
    """A measure gets a folder that is removed after it."""
    found: dict[str, list[Result]] = {name: [] for name in measures}
    for number in range(1, rounds + 1):
        try:
            results = {}
            for name, measure in measures.items():
                # What is still being written there is no reason to lose the finished rounds.
                with TemporaryDirectory(prefix="benchmark-", dir=scratch, ignore_cleanup_errors=True) as folder:
                    results[name] = measure(Path(folder).resolve())  # absolute, because it goes to other processes
                key, value = next(iter(results[name].items()))
                print(f"{title}, round {number}/{rounds}: {name} {value:,.6g} {key}", file=sys.stderr, flush=True)
        except (KeyboardInterrupt, SystemExit) as error:
            return Rounds(found, exit_code(error))
        for name, result in results.items():
            found[name].append(result)
    return Rounds(found)


def column(results: Sequence[Mapping[str, float]], key: str) -> list[float]:
    return [result[key] for result in results]
