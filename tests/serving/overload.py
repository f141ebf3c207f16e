"""Ten times what a server can do, offered by clients of which each asks again after a pause."""

import asyncio
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.serving.wire import Connection, body, connections

SECONDS = float(os.environ.get("TORCHFERRY_TEST_OVERLOAD_SECONDS", "8"))
CLIENTS, QUEUE, TIMES = 48, 8, 10

Check = Callable[[dict[str, str], dict[str, Any]], None]
"""What headers and content of a refusal have to say."""


async def pause_of(address: str, path: str) -> float:
    """After which each of the clients asks again, so that together they ask for `TIMES` what the server can do."""
    async with connections(address, 1) as [client]:
        started = time.monotonic()
        await answers(client, path, 10)
        return CLIENTS / TIMES * (time.monotonic() - started) / 10


async def ask_until(
    end: float, client: Connection, path: str, pause: float, counted: Counter[int], refused: Check
) -> None:
    while time.monotonic() < end:
        status, headers, content = await client.post(path, body())
        counted[status] += 1
        if status == 429:
            refused(headers, json.loads(content))
        await asyncio.sleep(pause)


async def answers(client: Connection, path: str, times: int) -> None:
    """Each is one."""
    assert [(await client.post(path, body()))[0] for _ in range(times)] == [200] * times
