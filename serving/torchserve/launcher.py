"""Starts TorchServe's Java process, waits until every model answers its golden input, and stops it."""

import os
import re
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from torchferry.errors import ServerFault, UserError
from torchferry.serving.client import RestClient
from torchferry.serving.codec.predicted_labels import GOLDEN
from torchferry.serving.cpu import cores
from torchferry.serving.net.addresses import authority, reachable
from torchferry.serving.torchserve.archive import archive_version, workers_of
from torchferry.serving.torchserve.broken import Broken
from torchferry.serving.torchserve.golden import Goldens
from torchferry.serving.torchserve.java import find_java, server_home
from torchferry.serving.torchserve.load_failure import LoadFailure
from torchferry.serving.torchserve.management import Management
from torchferry.serving.torchserve.running_servers import RunningServer
from torchferry.serving.torchserve.settings import LOOPBACK, Ports, Settings, Sockets, config_properties
from torchferry.serving.torchserve.supervised_process import SupervisedProcess
from torchferry.serving.torchserve.worker_limits import WorkerLimits
from torchferry.serving.torchserve.worker_threads import WorkerThreads

LOG_CONFIG = Path(__file__).with_name("log4j2.xml")
GRPC_LOG_CONFIG = Path(__file__).with_name("logging.properties")
START_SECONDS = 180
STOP_SECONDS = 20
STARTS = 5  # of which all but the last may lose a port
STARTED = "Model server started."  # what Java says when all its ports are bound
NOT_BOUND = re.compile(r"Failed to bind|bind\(\.\.\) failed|BindException")  # in no user's language
LONGEST_FOLDER = 107 - len("/.ts.sock.99999")  # Linux takes no longer paths for sockets


class ServerFailed(Exception):
    """The server ended, or a model of it never answered; the text holds the end of its log."""


class ModelFailed(ServerFailed):
    """A model cannot be loaded, or answers something else than its golden outputs; the others may serve."""


class TorchServe:
    """One server with a temporary folder of its own, so that several can run on one machine."""

    def __init__(self, archives: Sequence[Path], settings: Settings, broken: Broken | None = None) -> None:
        """Claim the ports and lay out the folder; nothing runs yet. `broken` is what was left out before. Raises
        UserError."""
        self.broken = broken or Broken(settings.skip_broken)
        self.versions = [archive_version(path) for path in archives]
        """Names and versions."""
        self.settings, self.ports, self.java = settings, Ports.claim(settings), find_java()
        self.folder = Path(tempfile.mkdtemp(prefix="torchferry-"))
        self.key = secrets.token_urlsafe()
        """Our own commands' for the management and the metrics port, where these ask for a token."""
        if len(str(self.folder)) > LONGEST_FOLDER:
            self.folder.rmdir()
            raise UserError(f"TMPDIR: {self.folder.parent} is too long a path for sockets; give a shorter one")
        for made in (self.store, self.failures, self.calls):
            made.mkdir()
        # A store of its own: TorchServe loads whatever lies in it.
        for path in archives:
            (self.store / path.name).symlink_to(path.resolve())
        self.worker_threads = WorkerThreads(cores(), sum(map(workers_of, archives)), settings.threads)
        self.goldens = Goldens(self.store, self.folder / "golden")
        self.java_process: SupervisedProcess | None = None

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(name for name, _ in self.versions))

    @property
    def sockets(self) -> Sockets:
        return Sockets(self.folder)

    @property
    def management(self) -> Management:
        return Management.at(self.sockets.management)

    @property
    def url(self) -> str:
        """TorchServe's own, behind the gateway if there is one."""
        if self.settings.gateway != "none":
            return f"unix:{self.sockets.inference}"
        return f"http://{authority(reachable(self.settings.host), self.ports.rest)}"

    @property
    def public(self) -> dict[str, str]:
        """Where clients, Prometheus and `torchferry models` ask."""
        host, scheme = reachable(self.settings.host), "https" if self.settings.tls_certificate else "http"
        return {
            "rest": f"{scheme}://{authority(host, self.ports.rest)}",
            "grpc": authority(host, self.ports.grpc),
            "metrics": self.metrics_url,
            "management": f"http://{authority(LOOPBACK, self.ports.management)}",
        }

    @property
    def metrics_url(self) -> str:
        return f"http://{authority(reachable(self.settings.host), self.ports.page)}/metrics"

    @property
    def running(self) -> RunningServer:
        return RunningServer(
            pid=os.getpid(),
            store=str(self.store),
            failures=str(self.failures),
            rest=self.url,
            metrics=self.metrics_url,
            threads=self.worker_threads.threads,
            key=self.key,
            broken={f"{name}@{version}": reason for (name, version), reason in self.broken.reasons.items()},
        )

    def start(self, stopped: Callable[[], bool]) -> None:
        """Return when every model has a ready worker and gave its golden outputs, or when `stopped()` is true.

        Raises ServerFailed.
        """
        for left in reversed(range(STARTS)):
            self._launch()
            try:
                self._wait_ready(stopped)
                break
            except ServerFailed:
                if stopped():
                    break
                if not self._lost_a_port() or not left:
                    raise
                self._clear()

    def _launch(self) -> None:
        """Start Java itself, not the `torchserve` script, whose process ends and leaves Java behind."""
        properties = self.folder / "config.properties"
        properties.write_text(config_properties(self.settings, self.ports, self.store, self.sockets))
        home = server_home()
        command = [self.java, f"-Dmodel_server_home={home.parent}", f"-Djava.io.tmpdir={self.folder}"]
        if self.settings.hosts_file:
            hosts = self.folder / "hosts"
            hosts.write_text(self.settings.hosts_file)
            command += [f"-Djdk.net.hosts.file={hosts}"]
        command += [f"-Djava.util.logging.config.file={GRPC_LOG_CONFIG}"]
        command += [f"-Dlog4j.configurationFile={LOG_CONFIG.as_uri()}", "-cp", f"{home / 'frontend'}/*"]
        command += ["org.pytorch.serve.ModelServer", "--python", sys.executable, "-f", str(properties)]
        # -ncs: no snapshot, from which a later start would restore an old configuration.
        command += ["-s", str(self.store), "-ncs"]
        environment = os.environ | {
            "TMPDIR": str(self.folder),
            "LOG_LOCATION": str(self.folder / "logs"),
            "METRICS_LOCATION": str(self.folder / "logs"),
            "TORCHFERRY_FAILURES": str(self.failures),
            "TORCHFERRY_THREADS": str(self.worker_threads.threads),
            "PROMETHEUS_MULTIPROC_DIR": str(self.calls),
        }
        environment |= self.limits.environment()
        self.java_process = SupervisedProcess(command, self.folder, self.log, environment)

    @property
    def limits(self) -> WorkerLimits:
        settings = self.settings
        return WorkerLimits(
            timeout=settings.timeout,
            body_bytes=settings.max_body_bytes,
            samples=settings.max_request_batch,
            pixels=settings.max_request_pixels,
            padding=settings.max_padding,
            answer_bytes=settings.max_answer_bytes,
        )

    @property
    def store(self) -> Path:
        """Every archive in it is loaded."""
        return self.folder / "store"

    @property
    def calls(self) -> Path:
        """Where workers count their calls."""
        return self.folder / "calls"

    @property
    def log(self) -> Path:
        return self.folder / "torchserve.log"

    @property
    def failures(self) -> Path:
        """Where the handler of a model that cannot be loaded leaves the reason."""
        return self.folder / "failures"

    def _wait_ready(self, stopped: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        # The header keeps golden samples out of the predictions that are counted.
        with RestClient(self.url, headers={GOLDEN: "1"}) as client:
            for model, version in list(self.versions):
                try:
                    self._wait_version(model, version, client, deadline, stopped)
                except ModelFailed as error:
                    self.broken.leave_out(model, version, error)
                    self._forget(model, version)
        self.broken.check_left(len(self.versions))

    def _wait_version(
        self, model: str, version: str, client: RestClient, deadline: float, stopped: Callable[[], bool]
    ) -> None:
        while not (stopped() or (self._has_bound() and self._has_worker(model, version))):
            self.check_running()
            self._check_loading(model, version, deadline)
            time.sleep(0.1)
        if stopped():
            return
        try:
            self.goldens.of(model, version).check(client)
        except (UserError, ServerFault) as error:
            raise ModelFailed(f"{error}\n{self._log_end()}") from error

    def _forget(self, model: str, version: str) -> None:
        """It is not served: TorchServe would try for ever to load it, and again at another start."""
        self.versions.remove((model, version))
        for path in self.store.iterdir():
            if archive_version(path) == (model, version):
                path.unlink()
        while not self._has_bound():  # until then nobody answers
            self.check_running()
            time.sleep(0.1)
        if left := [other for name, other in self.versions if name == model]:
            self.management.set_default(model, left[-1])
        self.management.unregister(model, version)

    def _has_bound(self) -> bool:
        """Whether Java has all its ports; until then another server may answer on one that it has taken."""
        return STARTED in self._logged()

    def _lost_a_port(self) -> bool:
        """Whether Java ends since somebody, perhaps another server of ours, has taken one of its free ports first.

        Its log is asked and not the port, which two servers that start together may each take from the other.
        """
        return NOT_BOUND.search(self._logged()) is not None

    def _clear(self) -> None:
        """For another start, on other ports."""
        if self.java_process:
            self.java_process.stop(STOP_SECONDS)
        # _has_bound and _lost_a_port read the log, which must be of the next start alone.
        for left in (self.log, *self.failures.iterdir()):
            left.unlink()
        self.ports = self.ports.renewed(self.settings)

    def _has_worker(self, model: str, version: str) -> bool:
        return any(found.ready for found in self.management.standing(model) if found.version == version)

    def check_running(self) -> None:
        """Raise ServerFailed if the server has ended by itself."""
        if self.java_process and not self.java_process.runs:
            raise ServerFailed(f"TorchServe ended with exit code {self.java_process.exit_code}\n{self._log_end()}")

    def stop(self) -> None:
        """Stop Java and its workers and remove the folder; leaves no process behind."""
        if self.java_process:
            self.java_process.stop(STOP_SECONDS)  # workers are in Java's process group
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """End Java and its workers at once, whatever waits for them; `stop` is still to come."""
        if self.java_process:
            self.java_process.kill()

    def _check_loading(self, model: str, version: str, deadline: float) -> None:
        versions = [name for name, _ in (*self.versions, *self.broken.reasons)].count(model)
        if reason := LoadFailure(self.failures, model, version, is_only=versions == 1).reason():
            raise ModelFailed(f"{model}: cannot be loaded: {reason}")
        if time.monotonic() > deadline:
            raise ModelFailed(f"{model}: no worker was ready after {START_SECONDS} s\n{self._log_end()}")

    def _log_end(self) -> str:
        return "\n".join(self._logged().splitlines()[-30:])

    def _logged(self) -> str:
        return self.log.read_text(errors="replace")
