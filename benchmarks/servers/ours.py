"""`torchferry up --runtime onnx`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torchferry.benchmarks.servers.disk import packages_bytes
from torchferry.benchmarks.servers.peer import DELAY_MS, Job
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.ready import addresses
from torchferry.benchmarks.servers.served import Served, infer, target_of


class Ours:
    def __init__(self, job: Job) -> None:
        self.job = job

    def disk_bytes(self) -> int:
        return packages_bytes("torchferry[onnx-server]")

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        job, name, ready = self.job, self.job.bundle.name, folder / "ready.json"
        command = [sys.executable, "-m", "torchferry", "up", "--runtime", "onnx"]
        command += [f"{job.bundle.root}:{job.variant}", "--threads", str(job.threads), "--ready-file", str(ready)]
        for port in ("--port", "--grpc-port", "--metrics-port", "--admin-port"):
            command += [port, "0"]
        command += ["--max-batch", str(job.max_batch), "--max-delay-ms", str(DELAY_MS if job.max_batch > 1 else 0)]
        with process(command, folder / "log", job.cpus) as running:
            url = running.until(lambda: addresses(ready))["rest"]
            target = target_of(job, url, name, "rest-binary")
            yield Served(
                process=running,
                server=target.server or "torchferry",
                threads=job.threads,
                golden=infer(job, url, name),
                target=target,
            )
