"""Sends what is newest to another machine, from a thread, so that no step waits for it and no failure ends a run."""

import sys
import threading
from collections.abc import Callable

LAST_SECONDS = 5.0
"""How long the end of a run waits for the last one to be sent."""


class Sender:
    def __init__(self, where: str, send: Callable[[], None], every_seconds: float) -> None:
        """`send` raises whatever it likes, and is called at most every so many seconds, but once more at the end.

        `where` names the key, or the variable, and the address in the line that says it fails.
        """
        self.where, self.send, self.every_seconds = where, send, every_seconds
        self.news, self.ending, self.fails = threading.Event(), threading.Event(), False
        self.thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self.thread.start()

    def wake(self) -> None:
        """There is something new."""
        self.news.set()

    def finish(self) -> None:
        """Send once more, and wait for that a few seconds at the most."""
        self.ending.set()
        self.news.set()
        self.thread.join(LAST_SECONDS)

    def _run(self) -> None:
        while self.news.wait():
            self.news.clear()
            last = self.ending.is_set()  # before the sending, so that what came after it is sent as well
            self._try()
            if last:
                return
            self.ending.wait(self.every_seconds)

    def _try(self) -> None:
        try:
            self.send()
            self.fails = False
        except Exception as error:
            if not self.fails:  # said once, not every few seconds
                reason = " ".join(f"{error or type(error).__name__}".split())
                print(f"torchferry: {self.where}: {reason}; training goes on without", file=sys.stderr, flush=True)
            self.fails = True


class NoSender(Sender):
    """Where nobody is to be told."""

    def __init__(self) -> None: ...
    def wake(self) -> None: ...
    def finish(self) -> None: ...
