"""Takes the connections of a listener: so many of all clients, and of each no more than its share.

One too many is answered and closed before anything is made for it, a TLS connection without a word, since a handshake
is what it must not get. Taken here and not by the loop, which would take what nobody can refuse any more.
"""

import asyncio
import socket
import sys
from contextlib import suppress

from torchferry.serving.net.clients import Peer
from torchferry.serving.net.tls import Certificate
from torchferry.serving.onnx_server.http.connection import PHRASES, STATUS, Connection, Port
from torchferry.serving.onnx_server.http.errors import content

AT_ONCE = 64
"""Connections that are taken before others have the loop."""
PAUSE_SECONDS = 0.1
"""After which it is tried again, if the process may open no more files."""
HANDSHAKE_SECONDS = 10
"""For TLS."""
RETRY_SECONDS = 1
SENT_BYTES = 64 * 1024
"""Of what a refused client has sent that is read: it would be told of a reset, and not why, if that stayed unread."""


class Acceptor:
    def __init__(self, listener: socket.socket, port: Port, certificate: Certificate | None = None) -> None:
        self.listener, self.port, self.certificate = listener, port, certificate
        self.loop = asyncio.get_running_loop()
        self.has_paused = False
        room = port.room
        self.full = _refusal(503, "unavailable", f"this server has the {room.most:,} connections that it takes")
        own = f"this client has its share of connections: {room.most_of_client:,}, or as many as are still free"
        self.too_many = _refusal(429, "overloaded", own)
        listener.setblocking(False)
        self.loop.add_reader(listener, self._accept)

    def close(self) -> None:
        if self.listener.fileno() >= 0:
            self.loop.remove_reader(self.listener)
            self.listener.close()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                accepted, address = self.listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # as a rule too many open files
                self._pause(error)
                return
            accepted.setblocking(False)
            self._take(accepted, self.port.clients.peer(address[0] if address else ""))

    def _take(self, accepted: socket.socket, peer: Peer) -> None:
        room = self.port.room
        if room.take(peer.share):
            task = self.loop.create_task(self._connect(accepted, peer))
            self.port.tasks.add(task)
            task.add_done_callback(self.port.tasks.discard)
            return
        self.port.refused()
        with accepted, suppress(OSError):
            if not self.certificate:
                accepted.send(self.full if room.is_full else self.too_many)
                accepted.shutdown(socket.SHUT_WR)
                accepted.recv(SENT_BYTES)

    async def _connect(self, accepted: socket.socket, peer: Peer) -> None:
        connection = Connection(self.port, peer)
        context = self.certificate.context if self.certificate else None
        seconds = HANDSHAKE_SECONDS if context else None
        try:
            await self.loop.connect_accepted_socket(
                lambda: connection, accepted, ssl=context, ssl_handshake_timeout=seconds
            )
        except BaseException as error:
            accepted.close()
            if not connection.is_made:
                self.port.room.give_back(peer.share)
            if not isinstance(error, OSError):  # TLS's own errors are; what else there is, the loop says
                raise

    def _pause(self, error: OSError) -> None:
        if not self.has_paused:
            self.has_paused = True
            print(f"torchferry: cannot take a connection ({error.strerror}); others wait", file=sys.stderr, flush=True)
        self.loop.remove_reader(self.listener)
        self.loop.call_later(PAUSE_SECONDS, self._go_on)

    def _go_on(self) -> None:
        if self.listener.fileno() >= 0:
            self.loop.add_reader(self.listener, self._accept)


def _refusal(status: int, code: str, detail: str) -> bytes:
    body = content(PHRASES[status], code, detail)
    head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nretry-after: {RETRY_SECONDS}\r\n"
    return STATUS[status] + head.encode() + b"connection: close\r\n\r\n" + body
