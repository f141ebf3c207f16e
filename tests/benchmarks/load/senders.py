"""Threads in the place of the processes that send: each says what a test tells it to."""

import multiprocessing
import os
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import pytest

from torchferry.benchmarks.load.worker import Records, Shift

Sender = Callable[[Shift, Connection, Any, Any], None]
"""Takes what `torchferry.benchmarks.load.worker.work` takes, and keeps to the same order of words."""


def in_threads(monkeypatch: pytest.MonkeyPatch, sender: Sender) -> None:
    class Context:
        Pipe = staticmethod(multiprocessing.Pipe)

        def RawValue(self, *_: object) -> Any:
            return type("Value", (), {"value": 0})()

        def RawArray(self, _: str, length: int) -> list[int]:
            return [0] * length

        def Process(self, *, args: Any, **_: object) -> Any:
            return Thread(args)

    class Thread(threading.Thread):
        def __init__(self, args: Any) -> None:
            # A process has its own end of the pipe, which stays open when the parent closes its copy.
            shift, pipe, board, stop = args
            self.pipe = Connection(os.dup(pipe.fileno()))
            super().__init__(target=self._send, args=(shift, board, stop), daemon=True)

        def _send(self, shift: Shift, board: Any, stop: Any) -> None:
            with self.pipe:
                sender(shift, self.pipe, board, stop)

        def kill(self) -> None: ...

    monkeypatch.setattr(multiprocessing, "get_context", lambda _: Context())


def answering(*, milliseconds: float = 2, seen: list[Shift] | None = None) -> Sender:
    """Every request of an open loop is sent on time and answered well; of a closed one, a request per connection."""

    def send(shift: Shift, pipe: Connection, *_: Any) -> None:
        if seen is not None:
            seen.append(shift)
        pipe.send("ready")
        start = pipe.recv()
        due = [0.0] * shift.connections if shift.arrivals is None else shift.arrivals.tolist()
        records = Records(seconds=max(due) + milliseconds / 1000, cpu_seconds=0.001)
        for moment in due:
            records.intended.append(start + moment)
            records.sent.append(start + moment)
            records.answered.append(start + moment + milliseconds / 1000)
            records.outcome.append(records.outcomes.index("ok"))
        pipe.send(records)

    return send
