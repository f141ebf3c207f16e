"""Work that may never return, in a thread that nobody joins."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
T = TypeVar("T")


def in_daemon_thread(work: Callable[Given, T], *given: Given.args, **named: Given.kwargs) -> "asyncio.Future[T]":
    """As `asyncio.to_thread`, whose threads the interpreter waits for when it ends. Who cancels the future is not
    told of the end."""
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # or a cancelled future would refuse what the thread has to say

    def run() -> None:
        try:
            done.set_result(work(*given, **named))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=run, name=work.__name__, daemon=True).start()
    return asyncio.wrap_future(done)
