"""Runners, which compute batches on a session: in a thread, or for the tiniest models in the event loop itself."""

import asyncio
import math
import queue
import threading
import time
from collections.abc import Callable
from typing import Protocol

from torchferry.serving.onnx_server.models.batch import Batch, Session
from torchferry.serving.onnx_server.models.loop_watch import LOOP_WATCH
from torchferry.serving.session.onnx_session import Cancellation


class Runner(Protocol):
    batch: Batch | None
    """That it computes."""

    def run(self, batch: Batch) -> None:
        """Compute it, and have `finished(runner, batch)` called then, in the loop's thread."""

    def close(self) -> None: ...


Finished = Callable[[Runner, Batch], None]


class InlineRunner:
    """Computes in the loop: to hand a batch over to a thread and back takes longer than the batch. The first that
    takes far too long is ended and computed in a thread, as are all that follow: the graph has inputs that make it
    slow, such as a Loop's count."""

    def __init__(self, session: Session, loop: asyncio.AbstractEventLoop, finished: Finished) -> None:
        self.session, self.loop, self.finished = session, loop, finished
        self.batch: Batch | None = None
        """None while it computes in the loop: nobody else has that then."""
        self.cancellation = Cancellation()
        self.thread: ThreadRunner | None = None

    def run(self, batch: Batch) -> None:
        if not self.thread and self._run_here(batch):
            self.finished(self, batch)
            return
        if not self.thread:
            self.thread = ThreadRunner(self.session, self.loop, self._told)
        self.batch = batch
        self.thread.run(batch)

    def close(self) -> None:
        if self.thread:
            self.thread.close()
            self.thread = None  # it knows this runner

    def _told(self, _thread: Runner, batch: Batch) -> None:
        self.batch = None
        self.finished(self, batch)

    def _run_here(self, batch: Batch) -> bool:
        """Whether it came to an end of its own."""
        batch.cancellation = self.cancellation
        LOOP_WATCH.begin(self.cancellation)
        batch.run(self.session)
        LOOP_WATCH.end()
        return not self.cancellation.cancelled


class ThreadRunner:
    """Computes in a thread of its own; what nobody can be waiting for any more, since all deadlines have passed, is
    ended."""

    def __init__(self, session: Session, loop: asyncio.AbstractEventLoop, finished: Finished) -> None:
        self.session, self.loop, self.finished = session, loop, finished
        self.deadline, self.cancellation = math.inf, Cancellation()
        """Of the latest batch, which may be over."""
        self.timer: asyncio.TimerHandle | None = None
        self.looks_at = math.inf
        self.batch: Batch | None = None
        self.batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        # A daemon, because a drain that ran out of time leaves sessions computing.
        threading.Thread(target=self._work, name="session", daemon=True).start()

    def run(self, batch: Batch) -> None:
        self.deadline = max(work.deadline for work in batch.works)
        self.cancellation = batch.cancellation = Cancellation()
        if self.deadline < self.looks_at:
            self._look_at(self.deadline)
        self.batch = batch
        self.batches.put(batch)

    def close(self) -> None:
        """What it computes has nobody who waits for it."""
        self._look_at(math.inf)
        self.cancellation.cancel()
        self.batches.put(None)

    def _look_at(self, deadline: float) -> None:
        """One timer for many batches: most are over long before their deadlines."""
        if self.timer:
            self.timer.cancel()
        self.looks_at, left = deadline, deadline - time.monotonic()
        self.timer = None if math.isinf(deadline) else self.loop.call_later(max(0.0, left), self._at_deadline)

    def _at_deadline(self) -> None:
        if self.deadline <= time.monotonic():
            self.cancellation.cancel()
            self.deadline = math.inf
        self._look_at(self.deadline)

    def _work(self) -> None:
        while (batch := self.batches.get()) is not None:
            batch.run(self.session)
            self.loop.call_soon_threadsafe(self._told, batch)
            del batch  # or its tensors would live until the next one

    def _told(self, batch: Batch) -> None:
        self.batch = None
        self.finished(self, batch)
