"""Looks at something again and again beside a measurement."""

import threading
from collections.abc import Callable
from typing import Generic, Self, TypeVar

import psutil

from torchferry.errors import UserError

Seen = TypeVar("Seen")


class Watch(Generic[Seen]):
    """For as long as its block runs."""

    def __init__(self, look: Callable[[], Seen] | None, between: float) -> None:
        self.look, self.between = look, between
        self.times: list[float] = []
        self.values: list[Seen] = []
        self.end = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        if self.look:
            self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end.set()

    def _run(self) -> None:
        assert self.look is not None
        seconds = 0.0
        while not self.end.is_set():
            try:
                self.values.append(self.look())
            except (UserError, psutil.Error):  # it may be overloaded, or gone, which the requests will say
                pass
            else:
                self.times.append(seconds)
            self.end.wait(self.between)
            seconds += self.between
