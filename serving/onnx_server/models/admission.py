"""Admission control: a bounded number of requests at a time, and none once a model is being unloaded."""

import asyncio
import math
from collections.abc import Callable

from torchferry.serving.errors import Overloaded, UnknownModel


class Admission:
    """A request is inside from when its body is here until it is answered."""

    def __init__(self, model: str, limit: int, expected_wait: Callable[[], float]) -> None:
        """`expected_wait` gives seconds; they are what a client that is turned away is told to wait."""
        self.model, self.limit, self.expected_wait = model, limit, expected_wait
        self.inside = 0
        self.closed = False
        self.empty = asyncio.Event()

    def check(self) -> None:
        """Whether a request could enter now. Raises UnknownModel and Overloaded."""
        if self.closed:
            raise UnknownModel(f"{self.model} is being unloaded")
        if self.inside >= self.limit:
            raise self.overloaded("its queue is full")

    def enter(self) -> None:
        """Raises UnknownModel and Overloaded."""
        self.check()
        self.inside += 1

    def leave(self) -> None:
        self.inside -= 1
        if self.closed and not self.inside:
            self.empty.set()

    def overloaded(self, reason: str) -> Overloaded:
        # Retry-After is in whole seconds, and 0 would ask for another try at once.
        seconds = max(1, math.ceil(self.expected_wait()))
        return Overloaded(f"{self.model} has more requests than it can answer: {reason}", seconds)

    async def close(self) -> None:
        """Let nobody in any more, and wait until all have gone."""
        self.closed = True
        if self.inside:
            await self.empty.wait()
