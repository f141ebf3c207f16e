"""A process for each core, each with the bundle's variant loaded.

Threads would wait for each other: half of the work on a small picture is Python's.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing.connection import wait
from typing import Any

from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.predict.answers import Result
from torchferry.serving.predict.local import AskedBundle
from torchferry.serving.predict.question import Question


class AskingProcesses(ProcessPoolExecutor):
    """Starts a process when there is work for it, up to `count`; `ask` is what to submit."""

    def __init__(self, asked: AskedBundle, count: int) -> None:
        context = multiprocessing.get_context("spawn")  # ONNX Runtime's threads would not survive a fork
        opened = (asked.bundle, asked.variant, asked.top_k)
        super().__init__(count, mp_context=context, initializer=_open, initargs=opened)

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        # Ctrl-C reaches every process of the terminal, and this one alone is to answer it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return super().submit(call, *given, **named)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


class InThisProcess(Executor):
    """For so few samples that another process would take longer to start."""

    def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(call(*given, **named))
        return future


def ask(question: Question) -> list[Result]:
    """In one of the processes."""
    return _asked[0].ask(question.samples)


_asked: list[AskedBundle] = []
"""The one that this process has opened."""


def _open(bundle: Bundle, variant: str, top_k: int | None) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _asked.append(AskedBundle(bundle, variant, top_k))


def _end_with_parent() -> None:
    """A parent that is killed cannot end its processes."""
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os._exit(1)
