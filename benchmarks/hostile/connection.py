"""A connection over which an attacker sends whatever bytes it likes, and from which address it likes."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

import httptools

from torchferry.benchmarks.hostile.where import Where

CONNECTING = 10.0  # seconds
STATUS = re.compile(rb"HTTP/1\.[01] (\d{3}) ")


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.kept = True
        """The answers so far leave it open."""
        self.body = b""
        """Of the last answer."""

    @classmethod
    @asynccontextmanager
    async def to(cls, where: Where, port: int | None = None) -> AsyncIterator[Self]:
        """To the port of REST, or another. Raises OSError if there is none soon. It ends without a goodbye."""
        made = asyncio.open_connection(where.host, port or where.port, local_addr=(where.source, 0))
        connection = cls(*await asyncio.wait_for(made, CONNECTING))
        try:
            yield connection
        finally:
            connection.writer.transport.abort()

    async def exchange(self, sent: bytes, seconds: float) -> str:
        """The status of the one answer. Raises OSError without a whole one, also if it takes longer."""
        async with asyncio.timeout(seconds):
            self.writer.write(sent)
            answer = _Answer()
            while not answer.whole:
                if not (received := await self.reader.read(65536)):
                    raise ConnectionResetError("it was closed before the answer ended")
                answer.feed(received)
        self.kept, self.body = answer.kept, answer.body
        return answer.status

    async def poured(self, sent: bytes, seconds: float) -> list[str]:
        """The statuses of all answers that come in that time."""
        received = b""
        with suppress(OSError):
            async with asyncio.timeout(seconds):
                self.writer.write(sent)
                while more := await self.reader.read(65536):
                    received += more
        return [status.decode() for status in STATUS.findall(received)]


class _Answer:
    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.whole, self.kept, self.status, self.body = False, True, "", b""

    def feed(self, received: bytes) -> None:
        try:
            self.parser.feed_data(received)
        except httptools.HttpParserError as error:
            raise ConnectionAbortedError(f"the answer is not HTTP/1.1: {error}") from error

    def on_body(self, part: bytes) -> None:
        self.body += part

    def on_message_complete(self) -> None:
        if self.parser.get_status_code() >= 200:
            self.whole, self.status = True, str(self.parser.get_status_code())
            self.kept = self.parser.should_keep_alive()  # which it forgets after this
