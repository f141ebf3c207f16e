"""Admission control: a bounded number of requests at a time, and none once a model is being unloaded.

Who comes when it is full takes the place of a request of the client that has the most (longest queue drop: Suter,
Lakshman, Stiliadis, Choudhury: Design Considerations for Supporting TCP with Per-flow Queueing, INFOCOM 1998). So a
client may have all of it while it is alone, and no more than its share while others come.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Protocol

from torchferry.serving.errors import Overloaded, UnknownModel

FULL = "its queue is full"


class Inside(Protocol):
    """A request that is inside."""

    client: str

    @property
    def is_waiting(self) -> bool:
        """Whether no session has begun it."""

    def cancel(self, error: BaseException) -> None:
        """It leaves."""


def _is_waiting(request: Inside) -> bool:
    return request.is_waiting


class Admission:
    """A request is inside from when its body is here until it is answered."""

    def __init__(self, model: str, limit: int, expected_wait: Callable[..., float]) -> None:
        """`expected_wait` is the scheduler's; its seconds are what a client that is turned away is told to wait."""
        self.model, self.limit, self.expected_wait = model, limit, expected_wait
        self.inside = 0
        self.of: dict[str, dict[Inside, None]] = {}
        """Those inside by client, in order of arrival."""
        self.closed = False
        self.empty = asyncio.Event()

    def check(self, client: str) -> None:
        """Whether a request of the client could enter now. Raises UnknownModel and Overloaded."""
        self._check_open()
        if self.inside >= self.limit and not self._one_too_many(client, _is_waiting):
            raise self.overloaded(FULL)

    def enter(self, request: Inside) -> None:
        """Raises UnknownModel and Overloaded."""
        client = request.client
        if self.closed or self.inside >= self.limit:
            self._check_open()
            self.make_room(client, FULL, _is_waiting)
        self.inside += 1
        own = self.of.get(client)
        if own is None:
            own = self.of[client] = {}
        own[request] = None

    def leave(self, request: Inside) -> None:
        self.inside -= 1
        own = self.of[request.client]
        del own[request]
        if not own:
            del self.of[request.client]
        if self.closed and not self.inside:
            self.empty.set()

    def make_room(self, client: str, reason: str, among: Callable[[Inside], bool]) -> None:
        """For one of the client: end another's. Raises Overloaded with the reason where no client has more."""
        one = self._one_too_many(client, among)
        if one is None:
            raise self.overloaded(reason)
        one.cancel(self.overloaded(f"{reason}, and this client has the most in it"))

    def check_time(self, client: str, seconds: float, *, interactive: bool) -> None:
        """Raises Overloaded for a request of the client that will still wait once these have passed."""
        # Of all that wait, which is quickly known; and if that is too much, of what has its turn before.
        if (
            self.expected_wait(interactive=interactive) > seconds
            and self.expected_wait(client, interactive=interactive) > seconds
        ):
            raise self.overloaded("it would pass its deadline in the queue")

    def overloaded(self, reason: str) -> Overloaded:
        # Retry-After is in whole seconds, and 0 would ask for another try at once.
        seconds = max(1, math.ceil(self.expected_wait()))
        return Overloaded(f"{self.model} has more requests than it can answer: {reason}", seconds)

    async def close(self) -> None:
        """Let nobody in any more, and wait until all have gone."""
        self.closed = True
        if self.inside:
            await self.empty.wait()

    def _check_open(self) -> None:
        if self.closed:
            raise UnknownModel(f"{self.model} is being unloaded")

    def _one_too_many(self, client: str, among: Callable[[Inside], bool]) -> Inside | None:
        """The newest of the client that has most, if that is more than `client` has with one more."""
        most = 1 + len(self.of.get(client, ()))
        for own in sorted(self.of.values(), key=len, reverse=True):
            if len(own) <= most:
                return None
            for request in reversed(own):
                if among(request):
                    return request
        return None
