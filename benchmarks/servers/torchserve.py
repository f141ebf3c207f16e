"""`python -m serving up --runtime torchserve`: TorchServe with our handler, one worker."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from benchmarks.servers.peer import Job
from benchmarks.servers.process import process
from benchmarks.servers.ready import addresses
from benchmarks.servers.served import Served, target_of
from benchmarks.servers.unavailable import Unavailable
from serving.client import RestClient


class TorchServe:
    def __init__(self, job: Job) -> None:
        self.job, self.store, self.model = job, job.folder / "model-store", f"{job.bundle.name}-{job.variant}"
        # Of this variant alone: each one that it serves takes workers and memory.
        archive = ["archive", str(job.bundle.root), "--output", str(self.store), "--variants", job.variant]
        done = subprocess.run([sys.executable, "-m", "serving", *archive], capture_output=True, text=True)
        if done.returncode:
            raise Unavailable(done.stderr.strip().splitlines()[-1])

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        job, ready = self.job, folder / "ready.json"
        command = [sys.executable, "-m", "serving", "up", "--runtime", "torchserve"]
        command += [str(self.store), "--ready-file", str(ready)]
        for port in ("--port", "--grpc-port", "--metrics-port"):
            command += [port, "0"]
        with process(command, folder / "log", job.cpus) as running:
            url = running.until(lambda: addresses(ready))["rest"]
            inputs, _ = job.bundle.golden()
            with RestClient(url, job.timeout) as client:
                golden = client.infer(self.model, inputs)
            yield Served(
                process=running,
                server=f"torchserve {version('torchserve')}",
                threads=len(job.cpus or os.sched_getaffinity(0)),  # its launcher takes all, whatever the model
                golden=golden,
                target=target_of(job, url, self.model, "predictions"),
            )
