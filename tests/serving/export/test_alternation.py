"""Sessions are measured in turn, and a gain is said with an interval that its noise fits into."""

from collections.abc import Mapping
from math import comb
from types import SimpleNamespace

import numpy as np
import pytest

from torchferry.serving.export import alternation
from torchferry.serving.export.alternation import CALLS, LEAST, ROUNDS, alternated, gain, median_interval

ONE = {"row": np.zeros((1, 2))}


class Machine:
    """A clock that sessions move, and the order in which they were asked."""

    def __init__(self) -> None:
        self.now = 0.0
        self.asked: list[str] = []

    def session(self, name: str, seconds: float, first: float = 0.0) -> "Timed":
        return Timed(self, name, seconds, first)


class Timed:
    def __init__(self, machine: Machine, name: str, seconds: float, first: float) -> None:
        """A call takes `seconds`, after another session's turn `first` more."""
        self.machine, self.name, self.seconds, self.first = machine, name, seconds, first

    def run(self, _: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        others = self.machine.asked[-1:] != [self.name]
        self.machine.asked.append(self.name)
        self.machine.now += self.seconds + (self.first if others else 0)
        return {}


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(alternation, "time", SimpleNamespace(perf_counter=lambda: made.now))
    return made


def test_they_take_turns_and_none_always_comes_first(machine: Machine) -> None:
    found = alternated({name: machine.session(name, 0.01) for name in "ab"}, ONE)
    assert {name: len(times) for name, times in found.items()} == {"a": ROUNDS, "b": ROUNDS}
    assert machine.asked[:13] == list("aaaabbbbbbbba")


def test_the_first_call_of_a_turn_does_not_count(machine: Machine) -> None:
    found = alternated({"a": machine.session("a", 0.002, first=5), "b": machine.session("b", 0.004, first=7)}, ONE)
    assert set(np.round(found["a"], 9)) == {2.0}
    assert set(np.round(found["b"], 9)) == {4.0}


def test_quick_calls_are_made_more_often_and_slow_ones_once_in_fewer_rounds(machine: Machine) -> None:
    alternated({"a": machine.session("a", 0.0001)}, ONE)
    assert len(machine.asked) > 10 * ROUNDS * CALLS
    machine.asked.clear()
    found = alternated({"a": machine.session("a", 3.0)}, ONE)
    assert len(found["a"]) == LEAST
    assert len(machine.asked) == 2 * LEAST


def test_a_gain_is_of_what_was_measured_in_the_same_round() -> None:
    load = np.array([1, 3, 2, 5, 1, 4, 2.0])  # which both meet
    found = gain((2 * load).tolist(), (3 * load).tolist())
    assert (found.ratio, found.low, found.high, found.saved_ms, found.rounds) == (1.5, 1.5, 1.5, 2.0, 7)


@pytest.mark.parametrize(("size", "rank"), [(6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (15, 4), (100, 40)])
def test_the_interval_is_between_the_order_statistics_that_the_binomial_names(size: int, rank: int) -> None:
    values = np.random.default_rng(0).permutation(size).astype(float).tolist()
    assert median_interval(values) == (rank - 1, size - rank)
    missed = 2 * sum(comb(size, heads) for heads in range(rank)) / 2**size
    assert missed <= 0.05 < missed + 2 * comb(size, rank) / 2**size


def test_a_median_that_is_known_lies_in_nearly_all_intervals() -> None:
    drawn = np.random.default_rng(0).exponential(size=(2000, ROUNDS))
    inside = [low <= np.log(2) <= high for low, high in map(median_interval, drawn.tolist())]
    assert 0.95 <= np.mean(inside) <= 0.98
