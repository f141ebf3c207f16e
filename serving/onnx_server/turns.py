"""Long work that the event loop does itself, in slices; everything that waits is done in between.

No thread would help where numbers are made text: it needs the interpreter's lock, which one call of orjson keeps to its
end, and the loop would wait for that lock each time it has waited for its sockets.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from typing import Any, TypeVar

T = TypeVar("T")
SECONDS = 0.0005
"""Of a slice; what a slice gives last may take longer."""


class Turns:
    """Several works take turns, one slice in each round of the loop, so that together they hold up nobody longer."""

    def __init__(self) -> None:
        self.works: deque[tuple[Iterator[Any], list[Any], asyncio.Future[list[Any]]]] = deque()

    def take(self, work: Iterator[T]) -> "asyncio.Future[list[T]]":
        """All that the iterator gives, or what it raises; whoever cancels the future ends the work."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[list[T]] = loop.create_future()
        self.works.append((work, [], done))
        if len(self.works) == 1:
            loop.call_soon(self._turn, loop)
        return done

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        work, given, done = self.works.popleft()
        if not done.done():
            try:
                if _slice(work, given):
                    done.set_result(given)
                else:
                    self.works.append((work, given, done))
            except Exception as error:
                done.set_exception(error)
        if self.works:
            loop.call_soon(self._turn, loop)


def _slice(work: Iterator[T], given: list[T]) -> bool:
    """Whether that was all of it."""
    end = time.perf_counter() + SECONDS
    for each in work:
        given.append(each)
        if time.perf_counter() >= end:
            return False
    return True
