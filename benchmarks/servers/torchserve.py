"""`torchferry up --runtime torchserve`: TorchServe with our handler; alone, or behind nginx."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path

from torchferry.benchmarks.servers.disk import packages_bytes
from torchferry.benchmarks.servers.peer import DELAY_MS, Job
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.ready import addresses
from torchferry.benchmarks.servers.served import Served, target_of
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.serving.client import RestClient


class TorchServe:
    def __init__(self, job: Job, gateway: str = "none", *, worker_per_core: bool = False) -> None:
        """One worker with the job's threads, or a worker of one thread for each of these."""
        self.job, self.gateway, self.model = job, gateway, f"{job.bundle.name}-{job.variant}"
        self.workers, self.threads = (job.threads, 1) if worker_per_core else (1, job.threads)
        self.store = job.folder / f"model-store-{self.workers}"
        if not (self.store / f"{self.model}.mar").exists():  # with and without a gateway it is the same one
            self._archive()

    def _archive(self) -> None:
        """Of this variant alone: each one that it serves takes workers and memory."""
        command = [
            sys.executable,
            "-m",
            "torchferry",
            "archive",
            str(self.job.bundle.root),
            "--output",
            str(self.store),
        ]
        command += ["--variants", self.job.variant, "--workers", str(self.workers)]
        command += ["--batch-size", str(self.job.max_batch), "--batch-delay-ms", str(DELAY_MS)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable.after(done)

    def disk_bytes(self) -> int:
        return packages_bytes("torchferry[serve]")

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        job, ready = self.job, folder / "ready.json"
        command = [sys.executable, "-m", "torchferry", "up", "--runtime", "torchserve"]
        command += [str(self.store), "--gateway", self.gateway, "--threads", str(self.threads)]
        command += ["--ready-file", str(ready)]
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
                workers=self.workers,
                threads=self.threads,
                golden=golden,
                target=target_of(job, url, self.model, "predictions"),
            )


BehindNginx = partial(TorchServe, gateway="nginx")
BehindNginxByCores = partial(TorchServe, gateway="nginx", worker_per_core=True)
