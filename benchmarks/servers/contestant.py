"""A peer in the comparison: its figures in each round, or why it has none."""

import importlib
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from torchferry.benchmarks.servers.peer import Job, Peer, Running
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.errors import ServerFault, UserError
from torchferry.serving.bundle.answers import aligned

PEERS = {
    "ours": "torchferry.benchmarks.servers.ours:Ours",
    "torchserve": "torchferry.benchmarks.servers.torchserve:TorchServe",
    "torchserve-gateway": "torchferry.benchmarks.servers.torchserve:BehindNginx",
    "torchserve-workers": "torchferry.benchmarks.servers.torchserve:BehindNginxByCores",
    "torchserve-tuned": "torchferry.benchmarks.servers.stock:Tuned",
    "torchserve-stock": "torchferry.benchmarks.servers.stock:Default",
    "litserve": "torchferry.benchmarks.servers.litserve:LitServe",
    "bentoml": "torchferry.benchmarks.servers.bentoml:BentoML",
    "mlserver": "torchferry.benchmarks.servers.mlserver:MLServer",
    "kserve": "torchferry.benchmarks.servers.kserve:KServe",
    "ray-serve": "torchferry.benchmarks.servers.ray_serve:RayServe",
    "triton-python": "torchferry.benchmarks.servers.triton:Triton",
    "limit": "torchferry.benchmarks.servers.limit:Limit",
    "bare": "torchferry.benchmarks.servers.bare:Bare",
    "bare-workers": "torchferry.benchmarks.servers.bare:ByCores",
}
CONNECTIONS = 16
REASONS = (Unavailable, UserError, ServerFault, OSError, psutil.Error)
"""Why one is missing; the others are measured all the same."""


class Contestant:
    def __init__(self, peer: str, job: Job, options: Namespace) -> None:
        """Install what it needs."""
        self.name, self.job, self.options = name_of(peer, batching=job.max_batch > 1), job, options
        self.failure: str | None = None
        """Why it is not in the table."""
        self.about: dict[str, Any] = {}
        module, kind = PEERS[peer].split(":")
        try:
            self.peer: Peer = getattr(importlib.import_module(module), kind)(job)
            self.disk_bytes = self.peer.disk_bytes()
        except REASONS as error:
            self.failure = str(error)

    def measure(self, folder: Path) -> dict[str, float]:
        """Started, measured and stopped: idle servers would keep threads awake and memory taken beside the others."""
        if not self.failure:
            try:
                return self._measure(folder)
            except REASONS as error:
                self.failure = str(error)
        return {"failed": 1}

    def _measure(self, folder: Path) -> dict[str, float]:
        # There is one warm-up for all; every request after it counts, so that processor time can be divided by them.
        warmup, options = (
            Namespace(**vars(self.options) | {"warmup": 0, "seconds": seconds})
            for seconds in (self.options.warmup, self.options.seconds)
        )
        start = time.perf_counter()
        with self.peer.serving(folder) as running:
            self._check(running.golden)
            ready = time.perf_counter() - start
            if warmup.seconds:
                running.closed(CONNECTIONS, warmup)
            alone = running.closed(1, options)
            cpu = running.process.cpu_seconds()
            busy = running.closed(CONNECTIONS, options)
            cpu = running.process.cpu_seconds() - cpu
            self.about = _about(running)
            figures = {
                "answered/s": busy.rate,
                "p50 ms": alone.p50_ms,
                "p99 ms": alone.p99_ms,
                "CPU ms": cpu / busy.requests * 1000,
                "memory MB": running.process.memory_bytes() / 1e6,
                "ready s": ready,
                "MB on disk": self.disk_bytes / 1e6,
            }
            if self.options.slo_ms:
                figures["within SLO/s"] = running.sustainable(busy.rate, self.options)
            for rate in self.options.rates:
                if offered := running.opened(rate, options):
                    figures |= dict(zip(at(rate), (offered.p50_ms, offered.p99_ms), strict=True))
            return figures

    def _check(self, answered: Mapping[str, np.ndarray]) -> None:
        """Raises Unavailable: who answers something else computes something else."""
        _, expected = self.job.bundle.golden()
        variant = self.job.bundle.variants[self.job.variant]
        if answered.keys() >= expected.keys():
            answered = aligned(self.job.bundle, answered, expected)
        for name, values in expected.items():
            given = answered.get(name)
            if given is None or not variant.difference(given, values) <= variant.tolerance(name, values):
                raise Unavailable(f"its '{name}' for the golden inputs is not the checkpoint's")


def name_of(peer: str, *, batching: bool) -> str:
    """In the table, where one that batches is another."""
    return f"{peer}+batch" if batching else peer


def at(rate: float) -> tuple[str, str]:
    """The names of p50 and p99 at a fixed rate."""
    return f"p50 ms at {rate:g}/s", f"p99 ms at {rate:g}/s"


def _about(running: Running) -> dict[str, Any]:
    return {
        "server": running.server,
        "protocol": running.protocol,
        "workers": running.workers,
        "threads": running.threads,
        "payload_bytes": running.payload_bytes,
        "answer_bytes": running.answer_bytes,
    }
