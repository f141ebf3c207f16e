"""Closes the port to unary calls so that each is answered or told that it was not begun.

grpcio gives up, as CANCELLED, the calls that have come but not reached Python when it is told to stop. So answers are
held back first: clients that wait for one send nothing more, and soon everything that has come is here. Then grpcio is
told to stop, which sends clients elsewhere, and the answers go out.
"""

import asyncio
import time

from torchferry.serving.errors import SOON, Unavailable
from torchferry.serving.onnx_server.grpc.call import refuse
from torchferry.serving.onnx_server.grpc.interfaces import Context

ENDING = "the server is ending; ask another"
LULL = 0.01
"""Seconds without a new call after which there is none that has come but is not here."""
HELD = 0.1
"""Seconds that answers are held back at most, since some clients do not wait for any."""


class Drain:
    def __init__(self) -> None:
        self.calls = 0
        """So many have come."""
        self.held: asyncio.Event | None = None
        """What answers wait for, while they are held back."""
        self.refuses = False
        """Whether calls that come now are told to ask another server."""

    async def enter(self, context: Context) -> None:
        self.calls += 1
        if self.refuses:
            await refuse(context, Unavailable(ENDING, SOON))

    async def leave(self) -> None:
        if self.held:
            await self.held.wait()

    async def hold(self) -> None:
        """Hold answers back until a lull."""
        self.held, until, seen = asyncio.Event(), time.monotonic() + HELD, -1
        while seen != self.calls and time.monotonic() < until:
            seen = self.calls
            await asyncio.sleep(LULL)

    def release(self) -> None:
        if self.held:
            self.held.set()
            self.held = None
