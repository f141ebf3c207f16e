"""Malformed requests of all kinds to a server, over both protocols and on bare sockets, and what it made of them.

TORCHFERRY_TEST_MALFORMED=25000 TORCHFERRY_TEST_SEED=7 pytest -s tests/serving/onnx_server/test_fuzz.py
"""

import asyncio
import os
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from torchferry.benchmarks.hostile import nonsense
from torchferry.benchmarks.hostile.malformed.malformed import Malformed
from torchferry.benchmarks.hostile.valid import Valid
from torchferry.benchmarks.hostile.where import Where
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.client import Client, GrpcClient, RestClient

SEED = int(os.environ.get("TORCHFERRY_TEST_SEED", "0"))
REQUESTS, STREAMS = 0.6, 0.15
"""Shares of all; the rest are messages of gRPC."""
CLIENTS = 4
READINGS = 6
FAULTS = {"500", "502", "503", "504"}
"""501 and 505 say that HTTP has what the server has not, which is no fault of its own."""
GRPC_FAULTS = {"INTERNAL", "UNKNOWN", "UNAVAILABLE", "DATA_LOSS", "ABORTED", "DEADLINE_EXCEEDED"}


def count_of(default: int) -> int:
    return int(os.environ.get("TORCHFERRY_TEST_MALFORMED", default))


@dataclass
class Fuzzed:
    statuses: Counter[str] = field(default_factory=Counter)
    """Of requests that are answered."""
    streams: Counter[str] = field(default_factory=Counter)
    """Of connections that need not be."""
    codes: Counter[str] = field(default_factory=Counter)
    """Of gRPC."""
    memory: dict[str, tuple[float, float]] = field(default_factory=dict)
    """Resident MiB of each process after the first tenth, and at the end."""

    def sent(self) -> int:
        return self.statuses.total() + self.codes.total()


def where_of(addresses: dict[str, str], bundle: Path, model: str) -> Where:
    rest, rpc = urlsplit(addresses["rest"]), urlsplit(f"//{addresses['grpc']}")
    assert rest.port
    assert rpc.port
    valid = Valid.of(bundles.load(bundle), model)
    return Where(host="127.0.0.1", port=rest.port, grpc_port=rpc.port, valid=valid)


async def fuzz(where: Where, count: int, memory: Callable[[], dict[str, float]]) -> Fuzzed:
    """`memory`: of each process of the server."""
    found = Fuzzed()
    seeds = iter(range(SEED, SEED + 100))
    await _send(where, count // 10, seeds, found)
    before = await _settled(memory)
    await _send(where, count - count // 10, seeds, found)
    after = await _settled(memory)
    found.memory = {name: (before.get(name, 0), now) for name, now in after.items()}
    said = {name: f"{first:.0f} to {last:.0f} MiB" for name, (first, last) in found.memory.items()}
    print(f"seed {SEED}, {found.sent():,} requests and {found.streams.total():,} answers on bare connections: {said}")
    print(dict(found.statuses), dict(found.streams), dict(found.codes), sep="\n")
    return found


async def _settled(memory: Callable[[], dict[str, float]]) -> dict[str, float]:
    """The least of each process within some seconds: what requests took is given back a little later, and comes and
    goes by 25 MiB."""
    least = memory()
    for _ in range(READINGS):
        await asyncio.sleep(0.5)
        least = {name: min(value, least.get(name, value)) for name, value in memory().items()}
    return least


async def _send(where: Where, count: int, seeds: Iterator[int], found: Fuzzed) -> None:
    def made() -> Malformed:
        return Malformed(where.valid, next(seeds))

    def turns(share: float) -> list[float]:
        return [0] * round(share * count / CLIENTS)

    await asyncio.gather(
        *(nonsense.requests(where, made(), turns(REQUESTS), found.statuses) for _ in range(CLIENTS)),
        *(nonsense.streams(where, made(), turns(STREAMS), found.streams) for _ in range(CLIENTS)),
        *(nonsense.messages(where, made(), turns(1 - REQUESTS - STREAMS), found.codes) for _ in range(CLIENTS)),
    )


def assert_right(addresses: dict[str, str], bundle: Path, model: str) -> None:
    """It still gives the golden outputs over both protocols."""
    inputs, expected = bundles.load(bundle).golden()
    clients: list[Client] = [RestClient(addresses["rest"]), GrpcClient(addresses["grpc"])]
    for client in clients:
        with client:
            given = client.infer(model, inputs)["probabilities"]
            np.testing.assert_allclose(given, expected["probabilities"], atol=1e-4)
