"""`soak`: what it refuses, and the watch beside its measurement."""

import pytest

from tests.waiting import wait_until
from torchferry.benchmarks import soak
from torchferry.benchmarks.soak import Watch
from torchferry.errors import UserError

GIVEN = ("http://127.0.0.1:1", "--model", "planted", "--input", "random")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("--minutes", "0"), "--minutes: 0.0 is too small; give more than 0"),
        (("--rate", "0"), "--rate: 0.0 is too small"),
        (("--pid", "0"), "--pid: there is no process 0"),
        (("--pid", "-1"), "--pid: there is no process -1"),
        (("--metrics", "http://127.0.0.1:1/metrics"), "--metrics: http://127.0.0.1:1/metrics gives no answer"),
        (("--output", "nowhere/x.json"), "--output: nowhere is not a folder"),
    ],
)
def test_bad_options_are_refused(change: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError) as refused:
        soak.main([*GIVEN, *change])
    assert str(refused.value).startswith(words)


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
    with Watch(None, 0.01) as watch:
        assert not watch.thread.is_alive()
    assert (watch.times, watch.values) == ([], [])
