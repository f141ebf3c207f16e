"""A timer fires once for each time it is set, not before that time, and never after it is closed."""

import asyncio
import os
import select
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.serving.wire import SECONDS, in_loop
from torchferry.benchmarks.load.timer import Timer

FAR = 1e6


class Fired:
    """When a timer did."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.one = asyncio.Event()

    def __call__(self) -> None:
        self.times.append(time.perf_counter())
        self.one.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self.one.wait(), SECONDS)
        self.one.clear()


@asynccontextmanager
async def timer() -> AsyncIterator[tuple[Timer, Fired]]:
    fired = Fired()
    made = Timer(asyncio.get_running_loop(), fired)
    try:
        yield made, fired
    finally:
        made.close()


@in_loop
async def test_it_fires_once_and_not_before_its_time() -> None:
    async with timer() as (made, fired):
        when = time.perf_counter() + 0.01
        made.set(when)
        await fired.wait()
        assert fired.times[0] >= when
        made.set(0)  # the next one to be seen is that of this time
        await fired.wait()
        assert len(fired.times) == 2


@pytest.mark.parametrize("past", [-5.0, 0.0, 1e-9, 1.0])
def test_a_moment_that_is_past_fires_at_once(past: float) -> None:
    @in_loop
    async def fires() -> None:
        async with timer() as (made, fired):
            made.set(past)
            await fired.wait()

    fires()


@in_loop
async def test_setting_it_anew_takes_the_place_of_the_time_before() -> None:
    async with timer() as (made, fired):
        made.set(time.perf_counter() + FAR)
        made.set(0)
        await fired.wait()


@in_loop
async def test_a_timer_that_is_set_anew_as_it_fires_does_not_fire() -> None:
    """Two are due in the same round of the loop, and the first to be called puts off the other."""
    loop = asyncio.get_running_loop()
    fired: list[str] = []
    faults: list[Any] = []
    loop.set_exception_handler(lambda _, context: faults.append(context))

    def fire(name: str, other: str) -> None:
        fired.append(name)
        timers[other].set(time.perf_counter() + FAR)

    timers = {
        "a": Timer(loop, lambda: fire("a", "b")),
        "b": Timer(loop, lambda: fire("b", "a")),
    }
    for made in timers.values():
        made.set(0)
        select.select([made.descriptor], [], [], SECONDS)
    for _ in range(5):
        await asyncio.sleep(0)
    assert (len(fired), faults) == (1, [])
    for made in timers.values():
        made.close()


@in_loop
async def test_a_closed_one_keeps_no_descriptor_and_never_fires() -> None:
    fired = Fired()
    made = Timer(asyncio.get_running_loop(), fired)
    made.set(0)
    made.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(made.descriptor)
    for _ in range(5):
        await asyncio.sleep(0)
    assert fired.times == []
