"""An attack from a process of its own, beside whatever is measured meanwhile.

Each attacker comes from an address of its own on loopback, 127.0.0.2 and so on, so that a server which shares among
its clients can tell them apart from each other and from honest ones.
"""

import asyncio
import dataclasses
import importlib
import multiprocessing
import os
import resource
import signal
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection as Pipe
from typing import Any

from torchferry.benchmarks.hostile.where import Where

ATTACKERS = {
    "slow": "torchferry.benchmarks.hostile.slow",
    "flood": "torchferry.benchmarks.hostile.flood",
    "bombs": "torchferry.benchmarks.hostile.bombs",
    "resets": "torchferry.benchmarks.hostile.resets",
    "malformed": "torchferry.benchmarks.hostile.nonsense",
}
STARTING, ENDING = 60.0, 30.0  # seconds
NICE = 10  # an attacker has a machine of his own, and would take none of the server's cores
Counted = dict[str, Counter[str]]
"""What came of each attacker's requests."""
Attacker = Callable[[Where, Counter[str]], Coroutine[Any, Any, None]]


@contextmanager
def attacking(where: Where, names: Sequence[str]) -> Iterator[Counted]:
    """For as long as the block runs; what is given is filled at its end."""
    context, counted = multiprocessing.get_context("spawn"), Counted()  # gRPC does not survive a fork
    ours, theirs = context.Pipe()
    process = context.Process(target=_attack, args=(where, tuple(names), theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(STARTING):
            raise RuntimeError("the attack did not begin")
        ours.recv()
        yield counted
        ours.send("end")
        if not ours.poll(ENDING):
            raise RuntimeError("the attack did not end")
        counted.update(ours.recv())
    finally:
        process.kill()
        process.join()


def _attack(where: Where, names: Sequence[str], pipe: Pipe) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of Ctrl-C, which every process of a terminal gets, the parent tells
    os.nice(NICE)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    attackers: dict[str, Attacker] = {name: importlib.import_module(ATTACKERS[name]).attack for name in names}
    pipe.send("begun")
    pipe.send(asyncio.run(_until_told(where, attackers, pipe)))


async def _until_told(where: Where, attackers: dict[str, Attacker], pipe: Pipe) -> Counted:
    counted: Counted = {name: Counter() for name in attackers}
    tasks = [
        asyncio.create_task(attacker(dataclasses.replace(where, source=f"127.0.0.{place}"), counted[name]))
        for place, (name, attacker) in enumerate(attackers.items(), 2)
    ]
    told = asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    done, _ = await asyncio.wait([told, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for ended in done - {told}:  # an attacker never ends by itself
        ended.result()
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), ENDING / 2)
    return counted
