"""BentoML in an environment of its own: one worker, all other settings as it comes."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torchferry.benchmarks.servers.base64_json import Base64Json
from torchferry.benchmarks.servers.environment import APPS, pinned, python_of
from torchferry.benchmarks.servers.installed import Installed
from torchferry.benchmarks.servers.ports import free_port
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.served import Served, answers


class BentoML(Installed):
    pins = "bentoml"

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        job, port = self.job, free_port()
        asking = Base64Json(
            job=job,
            url=f"http://127.0.0.1:{port}",
            path="/predict",
            wrap=lambda tensors: {"requests": [tensors]},
            unwrap=lambda outputs: outputs[0],
        )
        command = [python_of(self.environment), "-m", "bentoml", "serve", "bentoml_app:Service"]
        command += ["--working-dir", APPS, "--host", "127.0.0.1", "--port", port]
        for name, value in (("model", job.model), ("threads", job.threads), ("max_batch", job.max_batch)):
            command += ["--arg", f"{name}={value}"]
        own = {"BENTOML_HOME": str(folder / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"}
        with process(command, folder / "log", job.cpus, own) as running:
            running.until(lambda: answers(f"{asking.url}/readyz"))
            yield Served(
                process=running,
                server=f"bentoml {pinned('bentoml')['bentoml']}",
                threads=job.threads,
                golden=asking.golden(),
                target=asking.target(),
            )
