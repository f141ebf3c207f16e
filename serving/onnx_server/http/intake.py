"""Bodies that are on their way: how many, and how many bytes of them, for all clients and for each.

A request counts against its model's queue once its body is here, so that clients which send slowly keep nobody out of
it; here they keep out at most their own kind.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from torchferry.serving.errors import Overloaded

SHARE = 4
"""One client may have this part of everything."""
RETRY_SECONDS = 1


@dataclass
class Intake:
    most: int = 512
    """Bodies."""
    most_bytes: int = 256 * 2**20
    """That have arrived of them."""
    bodies: Counter[str] = field(default_factory=Counter)
    """By client."""
    sizes: Counter[str] = field(default_factory=Counter)
    """Their bytes, by client."""

    @classmethod
    def of(cls, longest: int) -> Self:
        """With room for several bodies of `longest` bytes from one client."""
        return cls(most_bytes=max(cls.most_bytes, 4 * SHARE * longest))

    def enter(self, client: str) -> None:
        """Raises Overloaded."""
        if self.bodies.total() >= self.most or self.bodies[client] >= self.most / _share(client):
            raise Overloaded("too many bodies are on their way to this server", RETRY_SECONDS)
        self.bodies[client] += 1

    def grow(self, client: str, size: int) -> None:
        """Raises Overloaded."""
        self.sizes[client] += size
        if self.sizes.total() > self.most_bytes or self.sizes[client] > self.most_bytes / _share(client):
            raise Overloaded("too many bytes of bodies are on their way to this server", RETRY_SECONDS)

    def leave(self, client: str, size: int) -> None:
        """`size`: by how much it grew."""
        self.bodies[client] -= 1
        self.sizes[client] -= size
        if not self.bodies[client]:
            del self.bodies[client], self.sizes[client]


def _share(client: str) -> int:
    """The clients of a unix socket have no address to tell them apart by."""
    return SHARE if client else 1
