"""A queue in which clients take turns, so that whoever sends much waits behind himself and not others behind him.

Start-time fair queueing (Goyal, Vin, Cheng: Start-time Fair Queuing, SIGCOMM 1996), with a client for a flow and equal
weights: next is whoever has had least. A client that comes anew begins where the one served last began.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Queued(Protocol):
    client: str
    size: int
    """What serving it costs, in any unit."""


T = TypeVar("T", bound=Queued)


class _Line(Generic[T]):
    """What one client has in the queue, in order of arrival."""

    def __init__(self, start: int) -> None:
        self.start = start
        """What it had been served when its turn came last, or when it came."""
        self.items: deque[T] = deque()


class FairQueue(Generic[T]):
    def __init__(self) -> None:
        self.lines: dict[str, _Line[T]] = {}
        """By client; of none that has nothing in the queue."""
        self.size = 0
        """Of all that is in it."""
        self.served = 0
        """The start of the client that was served last."""

    def __len__(self) -> int:
        return sum(len(line.items) for line in self.lines.values())

    def __iter__(self) -> Iterator[T]:
        """In the order in which it would be served."""
        if len(self.lines) == 1:
            return iter(next(iter(self.lines.values())).items)
        return self._in_turns()

    def add(self, item: T) -> None:
        self.size += item.size
        line = self.lines.get(item.client)
        if line is None:
            line = self.lines[item.client] = _Line(self.served)
        line.items.append(item)

    def serve(self, item: T) -> None:
        """Take it out, on its client's account. Its place need not be the first."""
        line = self.lines[item.client]
        self.served = line.start
        line.start += item.size
        self.remove(item)

    def charge(self, client: str, size: int) -> None:
        """What was served has cost more than it said; a client that has nothing in the queue owes nothing."""
        if line := self.lines.get(client):
            line.start += size

    def remove(self, item: T) -> None:
        """Take it out, unserved. Raises KeyError or ValueError if it is not in it."""
        line = self.lines[item.client]
        if line.items[0] is item:  # nearly always
            line.items.popleft()
        else:
            line.items.remove(item)
        self.size -= item.size
        if not line.items:
            del self.lines[item.client]

    def first(self) -> T | None:
        return next(iter(self), None)

    def _in_turns(self) -> Iterator[T]:
        turns = [(line.start, place, iter(line.items)) for place, line in enumerate(self.lines.values())]
        heapq.heapify(turns)
        while turns:
            start, place, items = turns[0]
            if item := next(items, None):
                yield item
                heapq.heapreplace(turns, (start + item.size, place, items))
            else:
                heapq.heappop(turns)
