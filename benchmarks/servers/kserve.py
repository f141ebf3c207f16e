"""KServe's Python server in an environment of its own, all settings as it comes but its log lines for each request.

It is asked over gRPC: the binary tensors of REST it makes into a list of numbers and that into an array again.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torchferry.benchmarks.servers.environment import APPS, pinned, python_of
from torchferry.benchmarks.servers.installed import Installed
from torchferry.benchmarks.servers.peer import Job
from torchferry.benchmarks.servers.ports import free_port, listens
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.served import Served, answers, described, infer, target_of
from torchferry.benchmarks.servers.unavailable import Unavailable


class KServe(Installed):
    pins = "kserve"

    def __init__(self, job: Job) -> None:
        if job.max_batch > 1:
            raise Unavailable("its batcher is in the agent, a sidecar of the cluster; the Python server has none")
        super().__init__(job)

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        job, name, port, grpc_port = self.job, self.job.bundle.name, free_port(), free_port()
        tensors = {"inputs": described(job.bundle.inputs), "outputs": described(job.bundle.outputs)}
        command = [python_of(self.environment), APPS / "kserve_app.py", "--model", job.model, "--threads", job.threads]
        command += ["--tensors", json.dumps(tensors), "--model_name", name, "--http_port", port]
        command += ["--grpc_port", grpc_port, "--enable_latency_logging", "false"]
        url = f"http://127.0.0.1:{port}"
        with process(command, folder / "log", job.cpus, {"KSERVE_LOGLEVEL": "WARNING"}) as running:
            running.until(lambda: answers(f"{url}/v2/health/ready"))
            running.until(lambda: listens(grpc_port))
            yield Served(
                process=running,
                server=f"kserve {pinned('kserve')['kserve']}",
                threads=job.threads,
                golden=infer(job, url, name),
                target=target_of(job, f"127.0.0.1:{grpc_port}", name, "grpc"),
            )
