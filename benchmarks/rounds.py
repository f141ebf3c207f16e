"""Measure several things in turn, A B C A B C, so that a change of the machine reaches all of them."""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

Result = TypeVar("Result", bound=Mapping[str, float])


def alternate(
    measures: Mapping[str, Callable[[Path], Result]], rounds: int, *, title: str, scratch: Path
) -> dict[str, list[Result]]:
    """What each measure gave in each round; a measure gets a folder that is removed after it."""
    results: dict[str, list[Result]] = {name: [] for name in measures}
    for number in range(1, rounds + 1):
        for name, measure in measures.items():
            with TemporaryDirectory(prefix="benchmark-", dir=scratch) as folder:
                # Absolute, because it goes to other processes.
                result = measure(Path(folder).resolve())
            results[name].append(result)
            key, value = next(iter(result.items()))
            print(f"{title}, round {number}/{rounds}: {name} {value:,.6g} {key}", file=sys.stderr, flush=True)
    return results


def column(results: Sequence[Mapping[str, float]], key: str) -> list[float]:
    return [result[key] for result in results]
