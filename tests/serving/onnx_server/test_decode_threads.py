"""Threads for long work: clients take turns, and what nobody waits for is not begun."""

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.serving.onnx_server.models.held import until
from tests.serving.wire import in_loop
from torchferry.serving.onnx_server.decode_threads import DecodeThreads


class Work:
    """Calls that a test lets go; what began, in order."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.may_end = threading.Semaphore(0)

    def call(self, name: str) -> str:
        self.begun.append(name)
        assert self.may_end.acquire(timeout=60)
        return name

    def calls(self, name: str, count: int) -> list[Callable[[], str]]:
        return [partial(self.call, f"{name}{place}") for place in range(count)]


@contextmanager
def threads(cores: int) -> Iterator[tuple[DecodeThreads, Work]]:
    made, work = DecodeThreads(cores), Work()
    try:
        yield made, work
    finally:
        made.close()
        work.may_end.release(1000)


@in_loop
async def test_results_come_in_the_order_of_the_calls() -> None:
    with threads(2) as (pool, work):
        work.may_end.release(5)
        assert await pool.run("a", work.calls("a", 5)) == ["a0", "a1", "a2", "a3", "a4"]


@in_loop
async def test_one_request_has_all_cores_where_nobody_else_waits_and_one_thread_is_left() -> None:
    with threads(3) as (pool, work):
        many = pool.run("a", work.calls("a", 32))
        await until(lambda: len(work.begun) == 3)
        other = pool.run("b", work.calls("b", 2))
        await until(lambda: len(work.begun) == 4)
        assert work.begun[3] == "b0"
        work.may_end.release(1000)
        assert len(await many) == 32
        assert await other == ["b0", "b1"]


@in_loop
async def test_clients_take_turns_and_so_do_the_requests_of_a_client() -> None:
    with threads(1) as (pool, work):
        pool.count = 1
        waiting = [pool.run("b", work.calls("b", 1))]
        await until(lambda: work.begun == ["b0"])
        waiting += [pool.run("a", work.calls(name, 3)) for name in ("x", "y")]
        work.may_end.release(1000)
        await asyncio.gather(*waiting)
        assert work.begun == ["b0", "x0", "y0", "x1", "y1", "x2", "y2"]


@in_loop
async def test_whoever_has_used_much_time_comes_after_who_has_not() -> None:
    with threads(1) as (pool, work):
        pool.count = 1
        began, gate = threading.Event(), threading.Event()

        def burn() -> None:
            began.set()
            assert gate.wait(60)
            sum(range(10**6))

        long = pool.run("long", [burn, *work.calls("long", 2)])
        await until(began.is_set)
        short = pool.run("short", work.calls("short", 3))
        work.may_end.release(1000)
        gate.set()
        await asyncio.gather(long, short)
        assert work.begun == ["short0", "short1", "short2", "long0", "long1"]


@in_loop
async def test_what_is_cancelled_or_has_failed_begins_no_further_slice() -> None:
    with threads(1) as (pool, work):
        cancelled = pool.run("a", work.calls("a", 100))
        await until(lambda: work.begun == ["a0"])
        cancelled.cancel()
        await until(lambda: not len(pool.queue))
        failing = pool.run("b", [partial(int, "no number"), *work.calls("b", 100)])
        with pytest.raises(ValueError, match="no number"):
            await failing
        work.may_end.release(1000)
        assert await pool.run("a", work.calls("c", 1)) == ["c0"]
        assert (work.begun, len(pool.queue)) == (["a0", "c0"], 0)


@in_loop
async def test_what_failed_leaves_nothing_to_the_garbage_collector() -> None:
    with threads(1) as (pool, _):
        for _ in range(2):  # the first makes what stays
            gc.collect()
            for _ in range(5):
                with pytest.raises(ValueError, match="no number"):
                    await pool.run("a", [partial(int, "no number")])
        assert gc.collect() == 0
        assert not pool.held


def test_a_loop_that_has_ended_ends_no_thread() -> None:
    with threads(1) as (pool, work):

        async def begin() -> None:
            pool.run("a", work.calls("a", 1))
            await until(lambda: work.begun == ["a0"])

        asyncio.run(begin())
        work.may_end.release(2)

        async def ask() -> list[str]:
            return await pool.run("a", work.calls("b", 1))

        assert asyncio.run(ask()) == ["b0"]


@in_loop
async def test_once_closed_it_begins_nothing_and_waits_for_nothing() -> None:
    with threads(1) as (pool, work):
        first = pool.run("a", work.calls("a", 3))
        await until(lambda: work.begun == ["a0"])
        pool.close()
        work.may_end.release(1000)
        alive = [thread for thread in threading.enumerate() if thread.name == "decode"]
        for thread in alive:
            assert thread.daemon
        await until(lambda: not pool.held)
        assert (work.begun, first.done()) == (["a0"], False)


@in_loop
async def test_of_calls_that_keep_the_interpreters_lock_one_runs_at_a_time_and_others_beside_it() -> None:
    with threads(3) as (pool, work):
        keeping = [pool.run(name, work.calls(name, 1), keeps_lock=True) for name in ("a", "b")]
        await until(lambda: work.begun == ["a0"])
        beside = pool.run("c", work.calls("c", 2))
        await until(lambda: len(work.begun) == 3)
        assert work.begun == ["a0", "c0", "c1"]
        work.may_end.release(1000)
        assert [await each for each in (*keeping, beside)] == [["a0"], ["b0"], ["c0", "c1"]]


@in_loop
async def test_what_could_not_begin_is_begun_by_a_thread_that_waits_when_what_kept_it_has_ended() -> None:
    with threads(1) as (pool, work):
        gate = threading.Event()
        first = pool.run("a", [partial(gate.wait, 60)], keeps_lock=True)
        own, other = pool.run("a", work.calls("a", 1)), pool.run("b", work.calls("b", 1), keeps_lock=True)
        await asyncio.sleep(0.05)
        assert not work.begun
        gate.set()
        await until(lambda: sorted(work.begun) == ["a0", "b0"])
        work.may_end.release(1000)
        await asyncio.gather(first, own, other)
