"""Starts TorchServe's Java process, waits until every model answers its golden input, and stops it."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import urllib3

from serving import bundle as bundles
from serving.bundle import Bundle
from serving.client import RestClient
from serving.cpu import cores
from serving.errors import ServerFault, UserError
from serving.session import check_golden
from serving.torchserve.java import find_java, server_home
from serving.torchserve.settings import LOOPBACK, Ports, Settings

LOG_CONFIG = Path(__file__).with_name("log4j2.xml")
START_SECONDS = 180
STOP_SECONDS = 20
LONGEST_FOLDER = 107 - len("/.ts.sock.99999")  # Linux takes no longer paths for sockets


class ServerFailed(Exception):
    """The server ended, or a model of it never answered; the text holds the end of its log."""


class TorchServe:
    """One server with a temporary folder of its own, so that several can run on one machine."""

    def __init__(self, archives: Sequence[Path], host: str, port: int, grpc_port: int, metrics_port: int) -> None:
        """Claim the ports and lay out the folder; nothing runs yet. Raises UserError."""
        self.models = [path.stem for path in archives]
        self.asked = (host, port, grpc_port, metrics_port)
        ports, self.java = Ports.claim(*self.asked), find_java()
        self.folder = Path(tempfile.mkdtemp(prefix="torchferry-"))
        if len(str(self.folder)) > LONGEST_FOLDER:
            self.folder.rmdir()
            raise UserError(f"TMPDIR: {self.folder.parent} is too long a path for sockets; give a shorter one")
        store = self.folder / "store"
        store.mkdir()
        self.failures.mkdir()
        for path in archives:
            (store / path.name).symlink_to(path.resolve())
        threads = max(1, cores() // len(archives))
        self.settings = Settings(host=host, ports=ports, model_store=store, threads=threads)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{_reachable(self.settings.host)}:{self.settings.ports.rest}"

    @property
    def grpc_target(self) -> str:
        return f"{_reachable(self.settings.host)}:{self.settings.ports.grpc}"

    @property
    def metrics_url(self) -> str:
        return f"http://{_reachable(self.settings.host)}:{self.settings.ports.metrics}/metrics"

    def start(self, stopped: Callable[[], bool]) -> None:
        """Return when every model has a ready worker and gave its golden outputs, or when `stopped()` is true.

        Raises ServerFailed.
        """
        while True:
            self._launch()
            try:
                return self._wait_ready(stopped)
            except ServerFailed:
                if stopped():
                    return None
                # Somebody else, perhaps another server of ours, may have taken a free port first.
                if self._runs() or not self.settings.ports.taken(self.settings.host):
                    raise
                self.settings = replace(self.settings, ports=Ports.claim(*self.asked))

    def _launch(self) -> None:
        """Start Java itself, not the `torchserve` script, whose process ends and leaves Java behind."""
        properties = self.folder / "config.properties"
        properties.write_text(self.settings.properties())
        home = server_home()
        command = [self.java, f"-Dmodel_server_home={home.parent}", f"-Djava.io.tmpdir={self.folder}"]
        command += [f"-Dlog4j.configurationFile={LOG_CONFIG.as_uri()}", "-cp", f"{home / 'frontend'}/*"]
        command += ["org.pytorch.serve.ModelServer", "--python", sys.executable, "-f", str(properties)]
        command += ["-s", str(self.settings.model_store), "-ncs"]
        environment = os.environ | {
            "TMPDIR": str(self.folder),
            "LOG_LOCATION": str(self.folder / "logs"),
            "METRICS_LOCATION": str(self.folder / "logs"),
            "TORCHFERRY_FAILURES": str(self.failures),
            "TORCHFERRY_THREADS": str(self.settings.threads),
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C in the terminal reaches us alone, and we stop it in order
                preexec_fn=_die_with_parent,
            )

    @property
    def log(self) -> Path:
        return self.folder / "torchserve.log"

    @property
    def failures(self) -> Path:
        """Where the handler of a model that cannot be loaded leaves the reason, in a file named after it."""
        return self.folder / "failures"

    def _wait_ready(self, stopped: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        management = urllib3.PoolManager(timeout=2, retries=False)
        with RestClient(self.url) as client:
            for model in self.models:
                while not (stopped() or self._worker_ready(management, model)):
                    self.check_running()
                    self._check_loading(model, deadline)
                    time.sleep(0.1)
                if stopped():
                    return
                archive = self.settings.model_store / f"{model}.mar"
                bundle, variant = _read_archive(archive, self.folder / "golden" / model)
                try:
                    check_golden(_Remote(client, model), bundle, variant)
                except (UserError, ServerFault) as error:
                    raise ServerFailed(f"{error}\n{self._log_end()}") from error

    def check_running(self) -> None:
        """Raise ServerFailed if the server has ended by itself."""
        if self.process is not None and not self._runs():
            raise ServerFailed(f"TorchServe ended with exit code {self.process.returncode}\n{self._log_end()}")

    def stop(self) -> None:
        """Stop Java and its workers and remove the folder; leaves no process behind."""
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(STOP_SECONDS)
            # Workers are in Java's process group; those it did not stop end here.
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _worker_ready(self, management: urllib3.PoolManager, model: str) -> bool:
        try:
            answer = management.request("GET", f"http://{LOOPBACK}:{self.settings.ports.management}/models/{model}")
            return any(worker["status"] == "READY" for worker in answer.json()[0]["workers"])
        except (urllib3.exceptions.HTTPError, ValueError, KeyError, IndexError):
            return False

    def _check_loading(self, model: str, deadline: float) -> None:
        failure = self.failures / model
        if failure.exists():
            raise ServerFailed(f"{model}: cannot be loaded: {failure.read_text()}")
        if time.monotonic() > deadline:
            raise ServerFailed(f"{model}: no worker was ready after {START_SECONDS} s\n{self._log_end()}")

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])


class _Remote:
    """A served model with the face of a session, so that one golden check serves both."""

    def __init__(self, client: RestClient, model: str) -> None:
        self.client, self.model = client, model

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self.client.infer(self.model, inputs)


def _read_archive(mar: Path, folder: Path) -> tuple[Bundle, str]:
    """The bundle an archive was made from, as far as its golden files go, and the variant it holds."""
    with zipfile.ZipFile(mar) as archive:
        for name in ("model.json", "golden/inputs.npz", "golden/outputs.npz"):
            archive.extract(name, folder)
        handler = json.loads(archive.read("MAR-INF/MANIFEST.json"))["model"]["modelName"]
    bundle = bundles.load(folder)
    return bundle, handler.removeprefix(f"{bundle.name}-")


def _reachable(host: str) -> str:
    return LOOPBACK if host == "0.0.0.0" else host


def _die_with_parent() -> None:
    """Ask the kernel (prctl PR_SET_PDEATHSIG, 1) to end Java if this process is killed outright."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
