"""A process for each core, each with the bundle's variant loaded.

Threads would wait for each other: half of the work on a small picture is Python's.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from multiprocessing import connection
from typing import Any

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.predict.answers import Result
from torchferry.serving.predict.local import AskedBundle
from torchferry.serving.predict.question import Question

ALONE_SECONDS = 1.0
"""So long this process works alone. To start others takes about as long, and they might have nothing left to do."""

IMPORTED_ONCE = ["torchferry.serving.bundle.bundle", "torchferry.serving.codec.predictions_json"]
"""Nothing of ONNX Runtime, whose import starts a thread: it would not survive a fork."""


class AskingProcesses:
    def __init__(self, asked: AskedBundle, count: int, alone_seconds: float = ALONE_SECONDS) -> None:
        """`count` processes, started when `asked` has worked for `alone_seconds` here and there is more to do."""
        self.asked, self.count, self.starts = asked, count, time.monotonic() + alone_seconds
        self.here = ThreadPoolExecutor(1)
        self.processes: ProcessPoolExecutor | None = None
        self.opened: list[Future[None]] = []

    def ask(self, question: Question) -> Future[list[Result]]:
        """While no process is ready, it returns with the answer; from then on at once."""
        if self.processes and any(future.done() for future in self.opened):
            return self.processes.submit(_ask, question)
        future = self.here.submit(self.asked.ask, question.samples)
        wait([future], timeout=max(0.0, self.starts - time.monotonic()))
        if not self.processes and time.monotonic() >= self.starts:
            self._start()
        either: list[Future[Any]] = [future, *self.opened]
        wait(either, return_when=FIRST_COMPLETED)
        return future

    def shutdown(self) -> None:
        for pool in filter(None, (self.here, self.processes)):
            pool.shutdown(cancel_futures=True)

    def _start(self) -> None:
        # One process imports most of what they need, and they are its forks.
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(IMPORTED_ONCE)
        opened = (self.asked.bundle, self.asked.variant, self.asked.top_k, self.asked.form)
        self.processes = ProcessPoolExecutor(self.count, mp_context=context, initializer=_open, initargs=opened)
        # Ctrl-C reaches every process of the terminal, and this one alone is to answer it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.opened = [self.processes.submit(_is_open) for _ in range(self.count)]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class InThisProcess(Executor):
    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(call(*given, **named))
        return future


_asked: list[AskedBundle] = []
"""The one that this process has opened."""


def _open(bundle: Bundle, variant: str, top_k: int | None, form: str) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _asked.append(AskedBundle(bundle, variant, top_k, form))


def _is_open() -> None:
    """Done by a process when it can answer."""


def _ask(question: Question) -> list[Result]:
    return _asked[0].ask(question.samples)


def _end_with_parent() -> None:
    """A parent that is killed cannot end its processes."""
    parent = multiprocessing.parent_process()
    assert parent
    connection.wait([parent.sentinel])
    os._exit(1)
