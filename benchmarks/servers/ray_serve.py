"""Ray Serve in an environment of its own: a cluster of this machine alone, one replica, all other settings as it comes
but the dashboard, usage statistics and a log line for each request."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torchferry.benchmarks.servers.base64_json import Base64Json
from torchferry.benchmarks.servers.environment import APPS, pinned, python_of
from torchferry.benchmarks.servers.installed import Installed
from torchferry.benchmarks.servers.peer import DELAY_MS
from torchferry.benchmarks.servers.ports import free_port
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.served import Served

# A token would be kept in the user's home.
OWN = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}


class RayServe(Installed):
    pins = "ray-serve"

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        job, port = self.job, free_port()
        asking = Base64Json(job=job, url=f"http://127.0.0.1:{port}", path="/")
        command = [python_of(self.environment), APPS / "ray_serve_app.py", job.model, job.threads, port]
        command += [folder, job.max_batch, DELAY_MS]
        with process(command, folder / "log", job.cpus, OWN) as running:
            yield Served(
                process=running,
                server=f"ray {pinned('ray-serve')['ray']}",
                threads=job.threads,
                golden=running.until(asking.golden),  # its proxy answers before its replica does
                target=asking.target(),
            )
