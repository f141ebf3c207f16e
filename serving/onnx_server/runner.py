"""A thread that computes batches on a session of its own."""

import asyncio
import queue
import threading
from collections.abc import Callable

from serving.onnx_server.batch import Batch
from serving.session import Session


class Runner:
    def __init__(
        self, session: Session, loop: asyncio.AbstractEventLoop, finished: Callable[["Runner", Batch], None]
    ) -> None:
        """`finished` is called in the loop with each batch that was run."""
        self.session, self.loop, self.finished = session, loop, finished
        self.batches: queue.SimpleQueue[Batch | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="session", daemon=True).start()

    def run(self, batch: Batch) -> None:
        self.batches.put(batch)

    def close(self) -> None:
        self.batches.put(None)

    def _work(self) -> None:
        while (batch := self.batches.get()) is not None:
            batch.run(self.session)
            self.loop.call_soon_threadsafe(self.finished, self, batch)
            del batch  # or its tensors would live until the next one
