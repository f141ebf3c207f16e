"""Threads for what would hold up the event loop, such as pictures: in slices, for which clients take turns.

Pillow and numpy let go of the interpreter's lock for most of their work. There is one thread more than there are cores,
and no client has all of them: a slice is never interrupted, and whoever else comes need not wait for its end.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from torchferry.serving.onnx_server.fair_queue import FairQueue

Call = Callable[[], Any]


class Slices:
    """What one request has done in threads; in the queue while it has a slice that is not begun."""

    cost = 0
    """Its client is charged once a slice is over, by the processor time that it took."""
    is_over = False
    error: Exception | None = None

    def __init__(self, client: str, calls: Sequence[Call], told: "asyncio.Future[list[Any]]", keeps_lock: bool) -> None:
        self.client, self.calls, self.told, self.keeps_lock = client, calls, told, keeps_lock
        self.results: list[Any] = [None] * len(calls)
        self.begun = self.ended = 0

    @property
    def has_more(self) -> bool:
        return not self.is_over and self.begun < len(self.calls)

    def tell(self) -> None:
        """In the event loop."""
        error, self.error = self.error, None
        if self.told.done():
            return
        if error:
            self.told.set_exception(error)
        else:
            self.told.set_result(self.results)


class DecodeThreads:
    def __init__(self, cores: int) -> None:
        self.count, self.most = cores + 1, cores
        """Threads, and how many of them one client may have."""
        self.queue: FairQueue[Slices] = FairQueue()
        self.held: Counter[str] = Counter()
        """Threads, by client."""
        self.changed = threading.Condition()
        self.is_closed = self.is_started = self.lock_is_kept = False

    def run(self, client: str, calls: Sequence[Call], *, keeps_lock: bool = False) -> "asyncio.Future[list[Any]]":
        """What all calls give, or what the first one raises that fails; no further one is begun then, nor when the
        future is cancelled. `keeps_lock`: they keep the interpreter's lock for long. One of these is run at a time, or
        the event loop would wait for several in a row."""
        loop = asyncio.get_running_loop()
        slices = Slices(client, calls, loop.create_future(), keeps_lock)
        slices.told.add_done_callback(lambda told: self._drop(slices) if told.cancelled() else None)
        with self.changed:
            self._start()
            self.queue.add(slices)
            self.changed.notify(len(calls))
        return slices.told

    def close(self) -> None:
        """Begin no further slice. Nothing is waited for."""
        with self.changed:
            self.is_closed = True
            self.changed.notify_all()

    def _start(self) -> None:
        if not self.is_started:
            self.is_started = True
            for _ in range(self.count):
                # Daemons, because a slice may last longer than the process should.
                threading.Thread(target=self._work, name="decode", daemon=True).start()

    def _drop(self, slices: Slices) -> None:
        """Begin no further one."""
        with self.changed:
            if slices.has_more:
                self.queue.remove(slices)
            slices.is_over = True

    def _work(self) -> None:
        while taken := self._next():
            slices, place = taken
            began = time.thread_time()
            result, error = _outcome(slices.calls[place])
            self._ended(slices, place, result, error, time.thread_time() - began)
            del taken, slices, result, error  # or they would live until the next one

    def _next(self) -> tuple[Slices, int] | None:
        """Whose turn it is, and with which of its calls; None at the end."""
        with self.changed:
            while not self.is_closed:
                if slices := next(filter(self._may_begin, self.queue), None):
                    self.held[slices.client] += 1
                    self.lock_is_kept |= slices.keeps_lock
                    self.queue.serve(slices)
                    slices.begun += 1
                    if slices.has_more:  # behind its client's other requests
                        self.queue.add(slices)
                    return slices, slices.begun - 1
                self.changed.wait()
        return None

    def _may_begin(self, slices: Slices) -> bool:
        return self.held[slices.client] < self.most and not (slices.keeps_lock and self.lock_is_kept)

    def _ended(self, slices: Slices, place: int, result: Any, error: Exception | None, seconds: float) -> None:
        with self.changed:
            self.held[slices.client] -= 1
            if not self.held[slices.client]:
                del self.held[slices.client]
            if slices.keeps_lock:
                self.lock_is_kept = False
            self.changed.notify()  # what may begin now need not be what this thread takes next
            self.queue.charge(slices.client, round(seconds * 1e6))
            slices.results[place] = result
            slices.ended += 1
            slices.error = slices.error or error
        if error:
            self._drop(slices)
        if error or slices.ended == len(slices.calls):
            with suppress(RuntimeError):  # the loop has ended, and nobody is told
                slices.told.get_loop().call_soon_threadsafe(slices.tell)


def _outcome(call: Call) -> tuple[Any, Exception | None]:
    """In a frame of its own: an error knows its frames, and must not know whom it is told to."""
    try:
        return call(), None
    except Exception as error:
        return None, error
