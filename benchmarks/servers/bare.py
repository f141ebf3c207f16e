"""No server at all: a process that calls session.run, one sample after the other, in one loop or one for each core."""

import json
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from torchferry.benchmarks.servers.disk import packages_bytes
from torchferry.benchmarks.servers.peer import Job, Offered
from torchferry.benchmarks.servers.process import Process, process
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.serving.codec.tensors import DTYPES

LOOP = Path(__file__).parent / "apps" / "bare_loop.py"


class Bare:
    def __init__(self, job: Job, *, loop_per_core: bool = False) -> None:
        """One loop with the job's threads, or a loop of one thread for each of these."""
        if job.max_batch > 1:
            raise Unavailable("a loop has one sample at a time, and nothing that waits for others")
        self.job = job
        self.workers, self.threads = (job.threads, 1) if loop_per_core else (1, job.threads)

    def disk_bytes(self) -> int:
        return packages_bytes("onnxruntime")

    @contextmanager
    def serving(self, folder: Path) -> Iterator["Loop"]:
        job, golden = self.job, self.job.bundle.verified("golden/inputs.npz")
        command = [sys.executable, LOOP, job.model, self.threads, self.workers, job.tensors, golden]
        with process(command, folder / "log", job.cpus, talks=True) as running:
            yield Loop(running, self)


class Loop:
    protocol, payload_bytes, answer_bytes = "none", 0, 0

    def __init__(self, running: Process, bare: Bare) -> None:
        self.process, self.workers, self.threads = running, bare.workers, bare.threads
        self.server = f"onnxruntime {version('onnxruntime')}"
        dtypes = {spec.name: DTYPES[spec.datatype] for spec in bare.job.bundle.outputs}
        self.p99_ms = 0.0
        self.golden = {name: np.array(values, dtypes[name]) for name, values in self._said().items()}

    def closed(self, connections: int, options: Namespace) -> Offered:
        del connections  # nobody waits in front of a loop
        self.process.process.stdin.write(f"{options.seconds}\n")
        self.process.process.stdin.flush()
        offered = Offered(**self._said())
        self.p99_ms = offered.p99_ms
        return offered

    def opened(self, rate: float, options: Namespace) -> Offered | None:
        del rate, options
        return None  # nothing is sent

    def sustainable(self, most: float, options: Namespace) -> float:
        # Without requests there is no queue, so that nothing is late but what takes long by itself.
        return most if self.p99_ms <= options.slo_ms else 0.0

    def _said(self) -> Any:
        return json.loads(self.process.until(lambda: self.process.process.stdout.readline() or None))


ByCores = partial(Bare, loop_per_core=True)
