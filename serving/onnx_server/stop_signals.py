"""SIGTERM and SIGINT, heard by a thread of their own: the event loop may be inside of a session that does not end."""

import asyncio
import os
import select
import signal
import socket
import sys
import threading
import time
from types import FrameType

STOPS = (signal.SIGTERM, signal.SIGINT)
LAST_SECONDS = 5.0
"""Of a process that drains, after the drain's own time: to write what is left."""


def listen_for_stop(stop: asyncio.Event, drain_timeout: float) -> None:
    """Set `stop` at the first signal, and end the process at the second, or where it is still there when its drain
    should be long over. In the main thread, from inside of the loop."""
    hears, told = socket.socketpair()
    told.setblocking(False)
    for number in STOPS:
        signal.signal(number, _nothing)
    # Python's own handlers run between two of its instructions, of which a session in the loop has none.
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    waiting = (hears, told, asyncio.get_running_loop(), stop, drain_timeout)
    threading.Thread(target=_wait, args=waiting, name="signals", daemon=True).start()


def _wait(
    hears: socket.socket, _told: socket.socket, loop: asyncio.AbstractEventLoop, stop: asyncio.Event, seconds: float
) -> None:
    _signal(hears, None)
    loop.call_soon_threadsafe(stop.set)
    if number := _signal(hears, seconds + LAST_SECONDS):
        os._exit(128 + number)
    print("torchferry: the server did not end within --drain-timeout, and is ended", file=sys.stderr, flush=True)
    os._exit(1)


def _signal(hears: socket.socket, seconds: float | None) -> int | None:
    """The next one that stops, within so many seconds."""
    until = None if seconds is None else time.monotonic() + seconds
    while True:
        left = None if until is None else max(0.0, until - time.monotonic())
        if not select.select([hears], [], [], left)[0]:
            return None
        if (number := hears.recv(1)[0]) in STOPS:
            return number


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """That there is a handler is what matters: without one the process would be ended."""
