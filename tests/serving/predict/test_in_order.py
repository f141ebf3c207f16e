"""Results come in the order of the questions, and not everything is asked at once."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from torchferry.serving.predict.in_order import AHEAD, in_order

Asking = Callable[[Callable[[int], float]], Callable[[int], Future[float]]]


@pytest.fixture
def asking() -> Iterator[Asking]:
    """Work, as two threads do it."""
    with ThreadPoolExecutor(2) as pool:
        yield lambda work: lambda number: pool.submit(work, number)


def test_a_slow_one_holds_back_the_results_and_not_the_work(asking: Asking) -> None:
    go = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            go.wait(60)
        if number == 3:
            go.set()
        return 10 * number

    assert list(in_order(asking(work), range(6), 2)) == [(number, 10 * number) for number in range(6)]


def test_no_more_is_taken_than_can_wait(asking: Asking) -> None:
    taken = []

    def questions() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_order(asking(abs), questions(), 2)
    assert next(results) == (0, 0)
    assert len(taken) == 2 * AHEAD
    results.close()  # type: ignore[attr-defined]


def test_what_fails_is_raised_in_its_place(asking: Asking) -> None:
    results = in_order(asking(lambda number: 1 / number), [2, 1, 0, 4], 2)
    assert [next(results), next(results)] == [(2, 0.5), (1, 1)]
    with pytest.raises(ZeroDivisionError):
        next(results)
