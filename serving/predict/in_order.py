"""Work on several questions at once, and the results in the order of the questions."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TypeVar

Q = TypeVar("Q")
A = TypeVar("A")
AHEAD = 4
"""Questions for each worker that are under way or wait: enough that a slow one lets the others go on, and so few that
memory stays bounded."""


def in_order(ask: Callable[[Q], Future[A]], questions: Iterable[Q], workers: int) -> Iterator[tuple[Q, A]]:
    """Each question with its result. What a future raises is raised here, and the rest is not begun."""
    under_way: deque[tuple[Q, Future[A]]] = deque()
    try:
        for question in questions:
            under_way.append((question, ask(question)))
            if len(under_way) >= AHEAD * workers:
                first, future = under_way.popleft()
                yield first, future.result()
        while under_way:
            first, future = under_way.popleft()
            yield first, future.result()
    finally:
        for _, future in under_way:
            future.cancel()
