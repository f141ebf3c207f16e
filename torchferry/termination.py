"""SIGTERM as an exception that cannot get lost, so that what is half done is cleaned up on the way out, as at Ctrl-C.

A handler raises SystemExit wherever the program is, and that may be inside of a library which catches everything:
torch does around some of its imports, and what C code calls may only print it. So it is raised again until the
program is on its way out.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

AGAIN = 0.2
"""Seconds."""
CODE = 128 + signal.SIGTERM
"""That a program exits with."""


class Terminated(SystemExit):
    """By SIGTERM."""


@contextmanager
def ends_at_sigterm() -> Iterator[None]:
    """Raises Terminated once the signal has come, whatever else the block would end with."""
    came = False

    def end(number: int, _frame: object) -> None:
        nonlocal came
        if not came:
            came = True
            signal.signal(signal.SIGALRM, end)
            signal.setitimer(signal.ITIMER_REAL, AGAIN, AGAIN)
        if number == signal.SIGTERM or not _on_its_way_out():
            raise Terminated(CODE)

    signal.signal(signal.SIGTERM, end)
    try:
        yield
    except Exception as error:
        if came:  # a library has made another error of it
            raise Terminated(CODE) from error
        raise
    finally:
        if came:
            signal.setitimer(signal.ITIMER_REAL, 0)
    if came:
        raise Terminated(CODE)


def take(error: BaseException) -> BaseException:
    """Whoever catches Terminated and goes on to an end of his own says so, and it is not raised again."""
    if isinstance(error, Terminated):
        signal.setitimer(signal.ITIMER_REAL, 0)
    return error


def _on_its_way_out() -> bool:
    """Whether Terminated, or what was made of it, is just being handled."""
    error = sys.exception()
    while error and not isinstance(error, Terminated):
        error = error.__context__
    return error is not None
