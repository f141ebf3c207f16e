"""An attacker that runs until what it has counted is enough."""

import asyncio
from collections import Counter
from collections.abc import Callable

from torchferry.benchmarks.hostile.attack import Attacker
from torchferry.benchmarks.hostile.where import Where


async def run_until(attacker: Attacker, where: Where, enough: Callable[[Counter[str]], bool]) -> Counter[str]:
    counted: Counter[str] = Counter()
    task = asyncio.create_task(attacker(where, counted))
    async with asyncio.timeout(120):
        while not enough(counted):
            assert not task.done(), task.exception()
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.wait([task])
    return counted
