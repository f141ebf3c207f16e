"""LitServe in an environment of its own: one worker, all other settings as it comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torchferry.benchmarks.servers.base64_json import Base64Json
from torchferry.benchmarks.servers.environment import APPS, pinned, python_of
from torchferry.benchmarks.servers.installed import Installed
from torchferry.benchmarks.servers.peer import DELAY_MS
from torchferry.benchmarks.servers.ports import free_port
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.served import Served, answers


class LitServe(Installed):
    pins = "litserve"

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        job, port = self.job, free_port()
        asking = Base64Json(job=job, url=f"http://127.0.0.1:{port}", path="/predict")
        command = [python_of(self.environment), APPS / "litserve_app.py", job.model, job.threads, port]
        command += [job.max_batch, DELAY_MS]
        with process(command, folder / "log", job.cpus) as running:
            running.until(lambda: answers(f"{asking.url}/health"))
            yield Served(
                process=running,
                server=f"litserve {pinned('litserve')['litserve']}",
                threads=job.threads,
                golden=asking.golden(),
                target=asking.target(),
            )
