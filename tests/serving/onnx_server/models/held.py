"""A session that waits until it is let go, so that a test decides what is busy, and when."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import numpy as np

from tests.serving.tiny_bundle import described
from tests.serving.wire import SECONDS
from torchferry.contract.axes import Axis
from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.errors import WrongTensor
from torchferry.serving.onnx_server.inference import Outputs, Work
from torchferry.serving.onnx_server.models.admission import Admission
from torchferry.serving.onnx_server.models.scheduler import Scheduler
from torchferry.serving.session.padding import Padding

WRONG, BROKEN = 100.0, 200.0


class Held:
    """A session that adds one to `x`, each batch once it may; `seen` is what came together, as first elements."""

    def __init__(self) -> None:
        self.seen: list[list[float]] = []
        self.may_run = threading.Semaphore(0)

    def run(self, inputs: Mapping[str, np.ndarray], _cancellation: object = None) -> dict[str, np.ndarray]:
        assert self.may_run.acquire(timeout=SECONDS)
        values = inputs["x"]
        self.seen.append(values.reshape(len(values), -1)[:, 0].tolist())
        if WRONG in values:
            raise WrongTensor("the graph cannot take it")
        if BROKEN in values:
            raise RuntimeError("the graph is broken")
        return {"y": values + 1}


def sample(value: float, count: int = 1, width: int = 2) -> dict[str, np.ndarray]:
    return {"x": np.full((count, width), value)}


def padding(most: float = 0.0, most_elements: int = 0) -> Padding:
    """Of what `Held` takes, of any width: -1 stands behind a shorter row."""
    width = (Axis(at=1, name="width", most=512),)
    x, y = (TensorSpec(name=name, datatype="FP64", shape=(-1, -1), axes=width, pad=-1) for name in ("x", "y"))
    return Padding(described(inputs=(x,), outputs=(y,)), most, most_elements)


@asynccontextmanager
async def scheduling(*sessions: Held, max_batch: int = 4, **given: Any) -> AsyncIterator[Scheduler]:
    scheduler = Scheduler(sessions, max_batch=max_batch, **given)
    try:
        yield scheduler
    finally:
        for session in sessions:
            session.may_run.release(1000)
        scheduler.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.001)


class Asked(Work):
    """A work whose result can be waited for."""

    def __init__(self, inputs: Mapping[str, np.ndarray], **given: Any) -> None:
        self.answer: asyncio.Future[Outputs] = asyncio.get_running_loop().create_future()
        super().__init__(inputs, _told, **given)


def _told(work: Work) -> None:
    assert isinstance(work, Asked)
    if isinstance(work.result, Exception):
        work.answer.set_exception(work.result)
    elif work.result is not None:
        work.answer.set_result(work.result)


def submit(scheduler: Scheduler, inputs: Mapping[str, np.ndarray], **given: Any) -> Asked:
    work = Asked(inputs, **given)
    scheduler.submit(work)
    return work


async def begun(scheduler: Scheduler, inputs: Mapping[str, np.ndarray], **given: Any) -> Asked:
    """One that a session computes already: what is submitted from now on finds that session busy."""
    work = submit(scheduler, inputs, **given)
    await until(lambda: bool(work.started))
    return work


async def answers(session: Held, *works: Asked, batches: int) -> list[float]:
    """Let so many batches run; what the works are answered."""
    session.may_run.release(batches)
    async with asyncio.timeout(SECONDS):
        return [float((await work.answer)["y"][0, 0]) for work in works]


class Request:
    """One that is inside of nothing but the admission, and leaves when it is told to."""

    def __init__(self, admission: Admission, client: str = "a", *, is_waiting: bool = True) -> None:
        self.admission, self.client, self.is_waiting = admission, client, is_waiting
        self.ended: BaseException | None = None

    def cancel(self, error: BaseException) -> None:
        self.ended = error
        self.admission.leave(self)
