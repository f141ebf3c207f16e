"""MLServer in an environment of its own: a custom runtime in its one worker process, all other settings as it comes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torchferry.benchmarks.servers.environment import APPS, python_of
from torchferry.benchmarks.servers.installed import Installed
from torchferry.benchmarks.servers.peer import DELAY_MS
from torchferry.benchmarks.servers.ports import free_port, listens
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.served import Served, answers, described, infer, target_of


class MLServer(Installed):
    pins = "mlserver"

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        job, name, port, grpc_port = self.job, self.job.bundle.name, free_port(), free_port()
        (folder / "settings.json").write_text(json.dumps(self._settings(folder, port, grpc_port)))
        (folder / "model-settings.json").write_text(json.dumps(self._model()))
        command = [python_of(self.environment).with_name("mlserver"), "start", folder]
        url = f"http://127.0.0.1:{port}"
        with process(command, folder / "log", job.cpus, {"PYTHONPATH": str(APPS)}) as running:
            running.until(lambda: answers(f"{url}/v2/models/{name}/ready"))
            running.until(lambda: listens(grpc_port))
            target = target_of(job, f"127.0.0.1:{grpc_port}", name, "grpc")
            yield Served(
                process=running,
                server=target.server or "mlserver",
                threads=job.threads,
                golden=infer(job, url, name),
                target=target,
            )

    def _settings(self, folder: Path, port: int, grpc_port: int) -> dict[str, Any]:
        ports = {"http_port": port, "grpc_port": grpc_port, "metrics_port": free_port()}
        return {"host": "127.0.0.1", "debug": False, "metrics_dir": str(folder / "metrics")} | ports

    def _model(self) -> dict[str, Any]:
        bundle, job = self.job.bundle, self.job
        settings: dict[str, Any] = {
            "name": bundle.name,
            "implementation": "mlserver_app.OnnxRuntime",
            "inputs": described(bundle.inputs),
            "outputs": described(bundle.outputs),
            "parameters": {"uri": str(job.model), "extra": {"threads": job.threads}},
        }
        if job.max_batch > 1:
            settings |= {"max_batch_size": job.max_batch, "max_batch_time": DELAY_MS / 1000}
        return settings
