"""Looking at something beside a measurement."""

from tests.waiting import wait_until
from torchferry.benchmarks.load.watch import Watch
from torchferry.errors import UserError


def test_a_watch_goes_on_after_a_look_that_fails() -> None:
    values = iter([1.0, None, 3.0])

    def look() -> float:
        value = next(values, 4.0)
        if value is None:
            raise UserError("overloaded")
        return value

    with Watch(look, 0.01) as watch:
        wait_until(lambda: len(watch.times) >= 2)
    assert watch.values[:2] == [1.0, 3.0]
    assert watch.times[:2] == [0.0, 0.02]


def test_a_watch_that_waits_for_its_next_look_ends_with_the_block() -> None:
    with Watch(lambda: 1.0, 3600) as watch:
        wait_until(lambda: watch.times == [0.0])
    watch.thread.join(60)
    assert not watch.thread.is_alive()
    assert watch.values == [1.0]


def test_a_watch_of_nothing_sees_nothing() -> None:
    with Watch[float](None, 0.01) as watch:
        assert not watch.thread.is_alive()
    assert (watch.times, watch.values) == ([], [])
