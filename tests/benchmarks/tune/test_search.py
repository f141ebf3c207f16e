"""The strategy on landscapes that are known."""

from collections.abc import Callable

import pytest

from tests.benchmarks.tune.landscape import (
    Landscape,
    of_a_delay,
    of_cores,
    of_no_difference,
    of_one_call,
    searched,
    space,
)
from torchferry.benchmarks.tune.evidence import Probe
from torchferry.benchmarks.tune.point import Point

LANDSCAPES = [of_cores, of_one_call, of_a_delay, of_no_difference]


@pytest.mark.parametrize("names", [("fp32",), ("fp32", "int8")], ids=["one variant", "two"])
@pytest.mark.parametrize("rate", LANDSCAPES, ids=[made.__name__ for made in LANDSCAPES])
def test_it_finds_what_the_grid_finds_in_a_quarter_of_its_time(
    rate: Callable[[Point], float], names: tuple[str, ...]
) -> None:
    tuned, whole = Landscape(rate), Landscape(rate)
    found, known = searched(tuned, space(names)).best, searched(whole, space(names), exhaustive=True).best
    assert found
    assert known
    assert rate(found.point) >= rate(known.point) / 1.05
    assert found.rates[0] >= known.rates[0] / 1.05
    assert tuned.probes <= whole.probes / 4, (tuned.probes, whole.probes)
    assert tuned.seconds <= whole.seconds / 4, (tuned.seconds, whole.seconds)


def test_every_point_says_what_became_of_it() -> None:
    search = searched(Landscape(of_cores), space())
    entries = search.evidence.entries.values()
    assert {entry.verdict for entry in entries} == {"measured", "pruned", "skipped"}
    assert all(entry.why for entry in entries)
    assert all(entry.probes for entry in entries if entry.verdict == "measured")
    assert not any(entry.probes or entry.capacity for entry in entries if entry.verdict == "skipped")
    rates = [step.rate for step in search.evidence.course]
    assert rates == sorted(rates)
    assert search.best
    assert len(search.best.confirmed) >= 2
    assert max(search.best.confirmed) <= search.best.highest


def test_a_batch_that_nothing_fills_is_not_tried() -> None:
    search = searched(Landscape(of_cores, under_way=5), space(("fp32",)))
    assert search.best
    large = [entry for entry in search.evidence.entries.values() if entry.point.batch == 32]
    assert not any(entry.probes or entry.capacity for entry in large)
    whys = {entry.why for entry in large if entry.point.family == search.best.point.family}
    assert whys == {"as batch 8: no more than 5 are under way"}


def test_a_family_that_is_far_behind_is_given_up_whole() -> None:
    search = searched(Landscape(of_cores), space(("fp32",)))
    behind = [entry for entry in search.evidence.entries.values() if entry.point.workers == 1]
    assert not any(entry.probes for entry in behind)
    assert {entry.verdict for entry in behind if entry.capacity} == {"pruned"}
    assert "others answer far more than this with batch 8" in {entry.why for entry in behind}


def test_what_does_not_start_fails_alone() -> None:
    def rate(point: Point) -> float:
        return 0 if (point.workers, point.batch) == (2, 32) else of_cores(point)

    search = searched(Landscape(rate), space())
    assert search.best
    assert (search.best.point.workers, search.best.point.batch) == (2, 8)
    whys = {entry.why for entry in search.evidence.entries.values() if entry.point.batch == 32}
    assert {"it does not start", "it failed with a shorter delay"} <= whys
    unlike = searched(Landscape(lambda point: 0 if point.batch == 8 else of_cores(point)), space())
    assert unlike.best
    assert unlike.best.point.batch == 32
    nothing = searched(Landscape(lambda _: 0), space())
    assert nothing.best is None


def test_what_holds_nothing_again_does_not_win() -> None:
    class Breaking(Landscape):
        def probe(self, rate: float) -> Probe:
            return super().probe(rate if self.probes < 20 else 1e9)

    search = searched(Breaking(of_no_difference), space())
    assert search.evidence.course
    assert search.best is None


def test_a_machine_that_gets_slower_does_not_decide() -> None:
    """The first would win by the speed that the machine had when it was measured."""

    class Slowing(Landscape):
        def probe(self, rate: float) -> Probe:
            return super().probe(rate if self.probes < 6 else 1.2 * rate)

    search = searched(Slowing(of_one_call), space())
    assert search.best
    assert of_one_call(search.best.point) >= 0.95 * max(map(of_one_call, space()))
    assert max(search.best.confirmed) < 50
