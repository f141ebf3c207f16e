"""A timer that fires within microseconds in any event loop: the loops' own round to milliseconds."""

import asyncio
import ctypes
import os
import time
from collections.abc import Callable

_libc = ctypes.CDLL(None, use_errno=True)
_ABSOLUTE = 1  # TFD_TIMER_ABSTIME


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Setting(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Timer:
    """Linux's timerfd, see timerfd_create(2)."""

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        flags = os.O_NONBLOCK | os.O_CLOEXEC
        # The clock that time.perf_counter reads on Linux.
        self.descriptor = _libc.timerfd_create(time.CLOCK_MONOTONIC, flags)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self.loop, self.callback = loop, callback
        loop.add_reader(self.descriptor, self._fire)

    def set(self, when: float) -> None:
        """Fire once, at `when` of time.perf_counter; a moment that is past fires at once."""
        seconds, part = divmod(max(when, 1e-6), 1)
        setting = _Setting(_Timespec(0, 0), _Timespec(int(seconds), int(part * 1e9) or 1))  # all zeros would disarm it
        if _libc.timerfd_settime(self.descriptor, _ABSOLUTE, ctypes.byref(setting), None):
            raise OSError(ctypes.get_errno(), "timerfd_settime failed")

    def close(self) -> None:
        self.loop.remove_reader(self.descriptor)
        os.close(self.descriptor)

    def _fire(self) -> None:
        try:
            os.read(self.descriptor, 8)
        except BlockingIOError:  # it was set anew meanwhile
            return
        self.callback()
