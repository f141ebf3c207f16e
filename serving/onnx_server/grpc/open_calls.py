"""Whose a call is, and how many calls and streams each client has open: no library has a bound for its connections.

By pygrpc-native a stream's peer is its own socket, so that there its clients have no shares.
"""

from collections.abc import Callable
from contextvars import ContextVar

from torchferry.serving.errors import Overloaded
from torchferry.serving.net.auth import Access
from torchferry.serving.net.clients import HEADER, Clients
from torchferry.serving.onnx_server.grpc.call import authorization, refuse
from torchferry.serving.onnx_server.grpc.interfaces import Context
from torchferry.serving.onnx_server.shares import Shares

RETRY_SECONDS = 1
CALLER = ContextVar("CALLER", default="")
"""Whose the call is that a task answers, and those that it begins: to find a token costs a look at each of the file."""


class OpenCalls:
    def __init__(self, clients: Clients, access: Access, room: Shares, refused: Callable[[], None]) -> None:
        """`room`: for calls; `refused` is told of each for which there is none."""
        self.clients, self.access, self.room, self.refused = clients, access, room, refused

    def client(self, context: Context) -> str:
        """Whose it is: a token's, where it has one that is asked for, or an address's."""
        if self.access.path and (token := self.access.find(authorization(context.invocation_metadata()))):
            return token.client
        peer = self.clients.caller(context.peer())
        if not peer.is_proxy:
            return peer.name
        return peer.client(", ".join(str(value) for key, value in context.invocation_metadata() or () if key == HEADER))

    async def enter(self, context: Context) -> str:
        """Whose it is; it is told to come later if there is no room."""
        client = self.client(context)
        if not self.room.take(client):
            self.refused()
            allowed = f"{self.room.most:,} may be open, {self.room.most_of_client:,} of one client"
            await refuse(context, Overloaded(f"too many calls and streams are open: {allowed}", RETRY_SECONDS))
        CALLER.set(client)
        return client

    def leave(self, client: str) -> None:
        self.room.give_back(client)
