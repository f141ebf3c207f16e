"""The target of a run: server, protocol and request body, made once from the command line and the model's metadata."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torchferry.benchmarks.load.endpoint import Endpoint
from torchferry.benchmarks.load.sizes import GivenSizes

PROTOCOLS = {
    "rest": "torchferry.benchmarks.load.rest:json_target",
    "rest-binary": "torchferry.benchmarks.load.rest:binary_target",
    "predictions": "torchferry.benchmarks.load.predictions:rest_target",
    "grpc": "torchferry.benchmarks.load.oip_grpc:target",
    "grpc-predictions": "torchferry.benchmarks.load.predictions:grpc_target",
}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What of the command line decides about the requests."""

    endpoint: Endpoint
    model: str
    version: str
    """The server's own choice if it is empty."""
    input: Path | None
    """None for random values."""
    batch: int
    timeout: float
    """Seconds for one answer."""
    sizes: Sequence[GivenSizes] = ()
    """Of random samples, on axes that vary."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Goes to the processes that send."""

    endpoint: Endpoint
    model: str
    protocol: str
    method: str | None
    """Of gRPC, as /package.Service/Method; None for HTTP."""
    requests: Sequence[bytes]
    """Sent in turn: whole HTTP/1.1 requests, or serialized messages of gRPC."""
    payload_bytes: int
    """Of one body, on average."""
    answer_bytes: int
    """Of the body of a first answer."""
    batch: int
    server: str | None
    """Its name and version, if it says so."""
    sizes: dict[str, dict[str, float]] = field(default_factory=dict)
    """Least, median, mean and most of the requests' samples, by axis that varies."""


def prepare(protocol: str, asked: Asked) -> Target:
    """Read the metadata, make the requests, send the first one, which has to be answered well. Raises UserError."""
    module, name = PROTOCOLS[protocol].split(":")
    made: Target = getattr(importlib.import_module(module), name)(asked)
    return made
