"""No features at all: a server of our own that reads, computes and answers by callbacks, and stands for the limit."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torchferry.benchmarks.servers.disk import packages_bytes
from torchferry.benchmarks.servers.environment import APPS
from torchferry.benchmarks.servers.peer import Job
from torchferry.benchmarks.servers.ports import free_port
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.served import Served, answers, infer, target_of


class Limit:
    def __init__(self, job: Job) -> None:
        self.job = job

    def disk_bytes(self) -> int:
        return packages_bytes("httptools", "numpy", "onnxruntime", "orjson", "uvloop")

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        job, name, port = self.job, self.job.bundle.name, free_port()
        command = [sys.executable, APPS / "limit_app.py", job.model, job.threads, port, name, job.max_batch]
        url = f"http://127.0.0.1:{port}"
        with process(command, folder / "log", job.cpus) as running:
            running.until(lambda: answers(f"{url}/v2/health/ready"))
            target = target_of(job, url, name, "rest-binary")
            yield Served(
                process=running,
                server=target.server or "limit",
                threads=job.threads,
                golden=infer(job, url, name),
                target=target,
            )
