"""A queue in which clients take turns, so that whoever sends much waits behind himself and not others behind him.

Start-time fair queueing (Goyal, Vin, Cheng: Start-time Fair Queuing, SIGCOMM 1996), with a client for a flow and equal
weights: next is whoever has had least. A client that comes anew begins where the others are, and one that comes again
where it left, if that is more: or two connections, of which one always waits, would always be new and always go first.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import Generic, Protocol, TypeVar


class Queued(Protocol):
    client: str
    cost: int
    """Of serving it, in any unit."""


T = TypeVar("T", bound=Queued)


MOST_LEFT = 64
"""Accounts of clients that have left, from which on those are looked for that mean nothing any more."""


class _Line(Generic[T]):
    """What one client has in the queue, in order of arrival."""

    __slots__ = ("items", "start")

    def __init__(self, start: float) -> None:
        self.start = start
        """What it has been served, counted from where it came in."""
        self.items: deque[T] = deque()


def _cost(line: _Line[T]) -> int:
    return sum(item.cost for item in line.items)


class FairQueue(Generic[T]):
    def __init__(self) -> None:
        self.lines: dict[str, _Line[T]] = {}
        """By client; of none that has nothing in the queue."""
        self.left: dict[str, float] = {}
        """What those have been served that have nothing in the queue now, while others have."""
        self.most_left = MOST_LEFT
        self.cost = 0
        """Of all that is in it."""
        self.served = self.next = 0.0
        """Where the others are: the start of the client that was served last, or what each has had since, if that is
        more; and where they are once that client has had what it was served."""

    def __len__(self) -> int:
        return sum(len(line.items) for line in self.lines.values())

    def __iter__(self) -> Iterator[T]:
        """In the order in which it would be served."""
        if len(self.lines) == 1:
            return iter(next(iter(self.lines.values())).items)
        return self._in_turns()

    def in_any_order(self) -> Iterator[T]:
        """At no cost for each client."""
        return chain.from_iterable(line.items for line in self.lines.values())

    def add(self, item: T) -> None:
        line = self.lines.get(item.client)
        if line is None:
            line = self.lines[item.client] = _Line(self._start(item.client))
            if self.left:
                self.left.pop(item.client, None)
        line.items.append(item)
        self.cost += item.cost

    def serve(self, item: T) -> None:
        """Take it out, on its client's account. Its place need not be the first."""
        line = self.lines[item.client]
        # Also where only newcomers are served, each of whom begins at its own beginning: or the others would wait.
        self.served = line.start if line.start > self.next else self.next
        self.next = self.served + item.cost / len(self.lines)
        line.start += item.cost
        self.remove(item)

    def charge(self, client: str, cost: int) -> None:
        """What was served has cost so much more than it said."""
        if line := self.lines.get(client):
            line.start += cost
        elif client in self.left:
            self.left[client] += cost
        if self.lines:
            self.next += cost / len(self.lines)

    def remove(self, item: T) -> None:
        """Take it out, unserved. Raises KeyError or ValueError if it is not in it."""
        line = self.lines[item.client]
        if line.items[0] is item:  # nearly always
            line.items.popleft()
        else:
            line.items.remove(item)
        self.cost -= item.cost
        if not line.items:
            del self.lines[item.client]
            self._leave(item.client, line.start)

    def first(self) -> T | None:
        return next(iter(self), None)

    def ahead(self, client: str) -> float:
        """The cost of what is served before an item that the client would add now."""
        if not self.lines or (len(self.lines) == 1 and client in self.lines):
            return self.cost
        mine = self.lines.get(client)
        turn = mine.start + _cost(mine) if mine else self._start(client)
        return sum(min(_cost(line), max(0.0, turn - line.start)) for line in self.lines.values())

    def _start(self, client: str) -> float:
        return max(self.served, self.left.get(client, 0.0))

    def _leave(self, client: str, start: float) -> None:
        if not self.lines:  # nobody is left to be fair to
            self.left.clear()
            return
        self.left[client] = start
        if len(self.left) > self.most_left:
            self.left = {client: start for client, start in self.left.items() if start > self.served}
            self.most_left = 2 * len(self.left) + MOST_LEFT

    def _in_turns(self) -> Iterator[T]:
        turns = [(line.start, place, iter(line.items)) for place, line in enumerate(self.lines.values())]
        heapq.heapify(turns)
        while turns:
            start, place, items = turns[0]
            if item := next(items, None):
                yield item
                heapq.heapreplace(turns, (start + item.cost, place, items))
            else:
                heapq.heappop(turns)
