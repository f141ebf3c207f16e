"""A batch is computed on its session, and the loop is told; both kinds of runner keep the same promise."""

import asyncio
import gc
import threading
import weakref
from collections.abc import Mapping

import numpy as np
import pytest

from tests.serving.onnx_server.models.held import until
from tests.serving.wire import in_loop
from torchferry.serving.onnx_server.inference import Work
from torchferry.serving.onnx_server.models.batch import Batch
from torchferry.serving.onnx_server.models.runner import InlineRunner, Runner, ThreadRunner


class Session:
    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        """In which it was run."""

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
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


def batch(value: float) -> Batch:
    return Batch([Work({"x": np.array([value])}, lambda _: None)])


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
