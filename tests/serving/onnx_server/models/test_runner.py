"""A batch is computed on its session, and the loop is told; both kinds of runner keep the same promise."""

import asyncio
import gc
import math
import threading
import time
import weakref
from collections.abc import Mapping

import numpy as np
import pytest

from tests.serving.onnx_server.models.held import until
from tests.serving.wire import in_loop
from torchferry.serving.errors import DeadlinePassed
from torchferry.serving.onnx_server.inference import Work
from torchferry.serving.onnx_server.models import loop_watch
from torchferry.serving.onnx_server.models.batch import Batch
from torchferry.serving.onnx_server.models.runner import InlineRunner, Runner, ThreadRunner
from torchferry.serving.session.onnx_session import Cancellation


class Session:
    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        """In which it was run."""

    def run(self, inputs: Mapping[str, np.ndarray], _cancellation: Cancellation | None = None) -> dict[str, np.ndarray]:
        self.threads.append(threading.current_thread())
        return {"y": inputs["x"] + 1}


class Told:
    """What the loop is to call, and in which thread it was."""

    def __init__(self) -> None:
        self.finished: list[tuple[Runner, list[float]]] = []
        self.threads: set[threading.Thread] = set()

    def __call__(self, runner: Runner, batch: Batch) -> None:
        answers = [result["y"].item() for result in batch.results if not isinstance(result, Exception)]
        self.finished.append((runner, answers))
        self.threads.add(threading.current_thread())


class Endless(Session):
    """Computes until it is cancelled, what is below zero."""

    def run(self, inputs: Mapping[str, np.ndarray], cancellation: Cancellation | None = None) -> dict[str, np.ndarray]:
        answer = super().run(inputs)
        while cancellation and inputs["x"].max() < 0:
            if cancellation.cancelled:
                raise DeadlinePassed("it was cancelled")
            time.sleep(0.001)
        return answer


def batch(value: float, deadline: float = math.inf) -> Batch:
    return Batch([Work({"x": np.array([value])}, lambda _: None, deadline=deadline)])


@in_loop
@pytest.mark.parametrize("kind", [InlineRunner, ThreadRunner])
async def test_batches_are_computed_in_order_and_told_in_the_loops_thread(
    kind: type[InlineRunner] | type[ThreadRunner],
) -> None:
    session, told = Session(), Told()
    runner = kind(session, asyncio.get_running_loop(), told)
    for value in (1, 2, 3):
        runner.run(batch(value))
        await until(lambda: len(told.finished) == value)  # noqa: B023 - waited for in its own round
    assert told.finished == [(runner, [2]), (runner, [3]), (runner, [4])]
    assert told.threads == {threading.current_thread()}
    runner.close()


@in_loop
async def test_in_the_loop_it_is_computed_and_told_at_once() -> None:
    session, told = Session(), Told()
    InlineRunner(session, asyncio.get_running_loop(), told).run(batch(1))
    assert session.threads == [threading.current_thread()]
    assert [answers for _, answers in told.finished] == [[2]]


@in_loop
async def test_a_thread_of_its_own_computes_until_it_is_closed() -> None:
    session, told = Session(), Told()
    runner = ThreadRunner(session, asyncio.get_running_loop(), told)
    runner.run(batch(1))
    await until(lambda: len(told.finished) == 1)
    runner.run(batch(2))
    runner.close()
    await until(lambda: len(told.finished) == 2)
    (thread,) = set(session.threads)
    assert thread is not threading.current_thread()
    await until(lambda: not thread.is_alive())


@in_loop
async def test_a_thread_that_waits_keeps_no_batch() -> None:
    told = Told()
    runner = ThreadRunner(Session(), asyncio.get_running_loop(), told)
    given = batch(1)
    kept = weakref.ref(given)
    gc.disable()
    try:
        runner.run(given)
        del given
        await until(lambda: bool(told.finished))
        await until(lambda: kept() is None)
    finally:
        gc.enable()
        runner.close()


@in_loop
async def test_a_batch_is_ended_when_the_last_deadline_in_it_has_passed() -> None:
    told, now = Told(), time.monotonic()
    runner = ThreadRunner(Endless(), asyncio.get_running_loop(), told)
    works = [work for soon in (0.02, 0.1) for work in batch(-1, deadline=now + soon).works]
    for count, given in enumerate([batch(1, deadline=now + 60), Batch(works), batch(2, deadline=now + 60)], 1):
        runner.run(given)
        await until(lambda count=count: len(told.finished) == count)  # type: ignore[misc]
    assert [answers for _, answers in told.finished] == [[2], [], [3]]
    assert time.monotonic() >= now + 0.1
    runner.close()


@in_loop
async def test_closing_ends_what_nobody_waits_for() -> None:
    session, told = Endless(), Told()
    runner = ThreadRunner(session, asyncio.get_running_loop(), told)
    runner.run(batch(-1))
    await until(lambda: bool(session.threads))
    runner.close()
    await until(lambda: not session.threads[0].is_alive())


@in_loop
async def test_in_the_loop_what_takes_far_too_long_moves_to_a_thread_with_all_that_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(loop_watch, "LONGEST_SECONDS", 0.05)
    session, told = Endless(), Told()
    runner = InlineRunner(session, asyncio.get_running_loop(), told)
    runner.run(batch(1))
    given = batch(-1, deadline=time.monotonic() + 1)
    runner.run(given)
    await until(lambda: len(told.finished) == 2)
    runner.run(batch(2))
    await until(lambda: len(told.finished) == 3)
    assert told.finished == [(runner, [2]), (runner, []), (runner, [3])]
    assert isinstance(given.results[0], DeadlinePassed)
    here = threading.current_thread()
    assert [thread is here for thread in session.threads] == [True, True, False, False]
    runner.close()
    await until(lambda: not session.threads[-1].is_alive())
