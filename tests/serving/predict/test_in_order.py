"""Results come in the order of the questions, and not everything is asked at once."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from torchferry.serving.predict.in_order import AHEAD, in_order


def test_a_slow_one_holds_back_the_results_and_not_the_work() -> None:
    go = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            go.wait(60)
        if number == 3:
            go.set()
        return 10 * number

    with ThreadPoolExecutor(2) as pool:
        assert list(in_order(work, range(6), pool, 2)) == [(number, 10 * number) for number in range(6)]


def test_no_more_is_taken_than_can_wait() -> None:
    taken = []

    def questions() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(2) as pool:
        results = in_order(abs, questions(), pool, 2)
        assert next(results) == (0, 0)
        assert len(taken) == 2 * AHEAD
        results.close()  # type: ignore[attr-defined]


def test_what_fails_is_raised_in_its_place() -> None:
    def work(number: int) -> float:
        return 1 / number

    with ThreadPoolExecutor(2) as pool:
        results = in_order(work, [2, 1, 0, 4], pool, 2)
        assert [next(results), next(results)] == [(2, 0.5), (1, 1)]
        with pytest.raises(ZeroDivisionError):
            next(results)
