"""The interface of a peer: it serves a bundle's model, or stands for the limit of those that do."""

from argparse import Namespace
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from torchferry.benchmarks.servers.process import Process
from torchferry.serving.bundle.bundle import Bundle

DELAY_MS = 2
"""How long a request waits for others where there is batching, and such a setting."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What every peer is given."""

    bundle: Bundle
    variant: str
    model: Path
    """The variant's file."""
    threads: int
    """Of each operator, where one request at a time is computed."""
    cpus: tuple[int, ...]
    """Cores to stay on; any if it is empty."""
    tensors: Path
    """Folder of the golden inputs, an .npz for each sample."""
    bodies: Path
    """The same samples as TorchServe takes them: an image where that is the one input, JSON otherwise."""
    folder: Path
    """For what is made once and needed until the end."""
    timeout: float
    """Seconds for one answer."""
    max_batch: int = 1
    """Requests computed together, by the peer's own batching; 1 leaves that off."""


@dataclass(frozen=True, kw_only=True)
class Offered:
    """The outcome of a load."""

    p50_ms: float
    p99_ms: float
    rate: float
    """Good answers a second."""
    requests: int


class Running(Protocol):
    """A peer that has answered the golden inputs."""

    process: Process
    server: str
    """Its name and version."""
    protocol: str
    workers: int
    """Calls of the model at a time."""
    threads: int
    """Of each operator in such a call."""
    payload_bytes: int
    answer_bytes: int
    golden: Mapping[str, np.ndarray]
    """Its outputs for the golden inputs."""

    def closed(self, connections: int, options: Namespace) -> Offered:
        """Keep so many requests under way for `options.seconds`. Raises Unavailable if one fails."""

    def opened(self, rate: float, options: Namespace) -> Offered | None:
        """Send at so many requests a second for `options.seconds`. None if that is more than it follows."""

    def sustainable(self, most: float, options: Namespace) -> float:
        """The highest rate whose p99 is within `options.slo_ms`; a closed loop had `most`."""


class Peer(Protocol):
    """Made once with a Job; what it cannot do without, and is not there, raises Unavailable."""

    def disk_bytes(self) -> int:
        """Of all that has to be installed to serve."""

    def serving(self, folder: Path) -> AbstractContextManager[Running]:
        """Start it, with `folder` for its files, and stop it at the end of the block. Raises Unavailable."""
