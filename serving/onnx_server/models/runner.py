"""Runners, which compute batches on a session: in a thread, or for the tiniest models in the event loop itself."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Protocol

from torchferry.serving.onnx_server.models.batch import Batch
from torchferry.serving.session import Session


class Runner(Protocol):
    batch: Batch | None
    """That it computes."""

    def run(self, batch: Batch) -> None:
        """Compute it, and have `finished(runner, batch)` called then, in the loop's thread."""

    def close(self) -> None: ...


Finished = Callable[[Runner, Batch], None]


class InlineRunner:
    """Computes in the loop: to hand a batch over to a thread and back takes longer than the batch."""

    batch: Batch | None = None
    """Always: while it computes nobody else has the loop."""

    def __init__(self, session: Session, _loop: asyncio.AbstractEventLoop, finished: Finished) -> None:
        self.session, self.finished = session, finished

    def run(self, batch: Batch) -> None:
        batch.run(self.session)
        self.finished(self, batch)

    def close(self) -> None:
        """There is nothing to end."""


class ThreadRunner:
    def __init__(self, session: Session, loop: asyncio.AbstractEventLoop, finished: Finished) -> None:
        self.session, self.loop, self.finished = session, loop, finished
        self.batch: Batch | None = None
        self.batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        # A daemon, because a drain that ran out of time leaves sessions computing.
        threading.Thread(target=self._work, name="session", daemon=True).start()

    def run(self, batch: Batch) -> None:
        self.batch = batch
        self.batches.put(batch)

    def close(self) -> None:
        self.batches.put(None)

    def _work(self) -> None:
        while (batch := self.batches.get()) is not None:
            batch.run(self.session)
            self.loop.call_soon_threadsafe(self._told, batch)
            del batch  # or its tensors would live until the next one

    def _told(self, batch: Batch) -> None:
        self.batch = None
        self.finished(self, batch)
