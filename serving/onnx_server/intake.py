"""Bodies that are on their way, and the bytes of requests that are here, so many of all clients.

A request counts against its model's queue once its body is here, so that clients which send slowly keep nobody out of
it; here they keep out at most their own kind. A client may have what is still free: half while it is alone, as one
is that stands for many. What waits in queues is bounded by its bytes as well as by its number.
"""

from typing import Self

import numpy as np

from torchferry.serving.codec.strings import held
from torchferry.serving.errors import Overloaded
from torchferry.serving.onnx_server.shares import Shares

MOST, MOST_BYTES = 512, 256 * 2**20
LONGEST = 16
"""There is room for so many bodies of the greatest length."""
COUNTED = 64 * 1024
"""Bytes above which a request counts while it waits: smaller ones are bounded by their number."""
RETRY_SECONDS = 1


class Intake:
    def __init__(self, most: int = MOST, most_bytes: int = MOST_BYTES) -> None:
        self.bodies, self.bytes = Shares(most, most), Shares(most_bytes, most_bytes)
        """Bodies that are on their way; bytes of these, of requests that are here, and of what those were unpacked
        to."""

    @classmethod
    def of(cls, longest: int) -> Self:
        """With room for several bodies of `longest` bytes from each of a few clients."""
        return cls(most_bytes=max(MOST_BYTES, LONGEST * longest))

    def enter(self, client: str) -> None:
        """Raises Overloaded."""
        if not self.bodies.take(client):
            raise Overloaded("too many bodies are on their way to this server", RETRY_SECONDS)

    def leave(self, client: str) -> None:
        self.bodies.give_back(client)

    def hold(self, client: str, size: int) -> None:
        """Raises Overloaded."""
        if not self.bytes.take(client, size):
            allowed = f"{self.bytes.most:,} are allowed, of one client no more than are still free"
            raise Overloaded(f"too many bytes of requests are here or on their way: {allowed}", RETRY_SECONDS)

    def release(self, client: str, size: int) -> None:
        self.bytes.give_back(client, size)


def own_bytes(values: np.ndarray) -> int:
    """But for what is only seen through it: a request's own, which is counted as that."""
    while isinstance(values.base, np.ndarray):
        values = values.base
    return held(values) if values.base is None else 0
