"""nginx before TorchServe: tokens, rates, TLS, a second try, and an end without lost requests.

nginx is a child of ours with a folder of its own, as Java is.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import psutil

from torchferry.errors import ServerFault, UserError
from torchferry.serving.net import listen_backlog
from torchferry.serving.net.addresses import listeners
from torchferry.serving.net.auth import Access
from torchferry.serving.net.tls import Certificate
from torchferry.serving.torchserve.launcher import ServerFailed, TorchServe
from torchferry.serving.torchserve.management import Management
from torchferry.serving.torchserve.nginx_config import Front, Upstreams, nginx_config, nothing, pid_file
from torchferry.serving.torchserve.no_gateway import NoGateway
from torchferry.serving.torchserve.settings import Settings
from torchferry.serving.torchserve.supervised_process import SupervisedProcess

START_SECONDS = 20
STOP_SECONDS = 5
LOOK_SECONDS = 1.0
"""For TorchServe to say whether there is a model; a signal is heard after that."""
SYSTEM_FOLDERS = ":/usr/sbin:/usr/local/sbin"  # not everybody's PATH has them


class Before(Protocol):
    """What stands before TorchServe; where that is nothing, NoGateway."""

    def start(self) -> None: ...
    def open(self, server: TorchServe, services_port: int) -> None: ...
    def refresh(self) -> None: ...
    def check_running(self) -> None: ...
    def drain(self, seconds: float, stopped: Callable[[], bool]) -> None: ...
    def stop(self) -> None: ...


def check_gateway(settings: Settings) -> None:
    """Raise UserError if there will be no gateway: before the server starts, which takes its time."""
    if settings.gateway == "nginx":
        _find_nginx()
        Access(settings.tokens)
        if settings.tls_certificate and settings.tls_key:
            Certificate(settings.tls_certificate, settings.tls_key)


def gateway_before(server: TorchServe) -> Before:
    """As the server's settings say; nothing runs yet. Raises UserError."""
    settings, ports = server.settings, server.ports
    if settings.gateway == "none":
        return NoGateway()
    return Gateway(
        Front(
            host=settings.host,
            port=ports.rest,
            grpc_port=ports.grpc,
            max_body_bytes=settings.max_body_bytes,
            timeout=settings.timeout,
            max_in_flight=settings.max_queue,
            max_connections=settings.max_connections,
            max_client_connections=settings.max_client_connections,
            trusted_proxy=settings.trusted_proxy,
            tokens=settings.tokens,
            tls_certificate=settings.tls_certificate,
            tls_key=settings.tls_key,
            access_log=settings.access_log,
            access_log_share=settings.access_log_share,
        )
    )


class Gateway:
    def __init__(self, front: Front) -> None:
        """Read tokens and certificate and lay out the folder; nothing runs yet. Raises UserError."""
        self.front, self.nginx = front, _find_nginx()
        self.access = Access(front.tokens)
        self.certificate: Certificate | None = None
        if front.tls_certificate and front.tls_key:
            self.certificate = Certificate(front.tls_certificate, front.tls_key)
        self.folder = Path(tempfile.mkdtemp(prefix="torchferry-gateway-"))
        self.process: SupervisedProcess | None = None
        self.management: Management | None = None
        """TorchServe's, once that is there."""
        self.listeners: list[socket.socket] = []
        """What nginx listens on."""
        self.addresses: dict[int, list[str]] = {}
        """Of each port."""
        self.written: tuple[object, object, bool] | None = None  # of what nginx was told last
        self.said: dict[object, str] = {}
        self.log.touch()
        nothing(self.folder).mkdir()

    @property
    def log(self) -> Path:
        """What nginx says of itself and of upstreams that fail."""
        return self.folder / "nginx.log"

    def start(self) -> None:
        """Return when nginx listens. Raises ServerFailed and UserError."""
        host = self.front.host
        for port, option in ((self.front.port, "--port"), (self.front.grpc_port, "--grpc-port")):
            self.listeners += (opened := listeners(host, port, option))
            self.addresses[port] = [str(listener.getsockname()[0]) for listener in opened]
        self._write()
        for listener in self.listeners:
            listener.setblocking(False)  # two workers race for a connection, and the loser must not wait
        # nginx takes over sockets that listen on the addresses of its configuration, as from its own predecessor.
        numbers = [listener.fileno() for listener in self.listeners]
        inherited = os.environ | {"NGINX": "".join(f"{number};" for number in numbers)}
        # nginx puts itself into the background otherwise, and would be no child of ours.
        command = [*self._command(self._config), "-g", "daemon off;"]
        self.process = SupervisedProcess(command, self.folder, self.log, inherited, numbers)
        if not self._wait(self._taken_up, START_SECONDS):
            raise ServerFailed(f"the gateway did not listen after {START_SECONDS} s\n{self._log_end()}")

    def open(self, server: TorchServe, services_port: int) -> None:
        """From now on it asks the server, which is ready. Raises ServerFailed."""
        self.management = server.management
        upstreams = Upstreams(server.url, server.ports.inner_grpc, services_port, f"unix:{server.sockets.page}")
        self._turn(replace(self.front, upstreams=upstreams, broken=[name for name, _ in server.broken.reasons]))

    def refresh(self) -> None:
        """Take up tokens and certificate that changed, and whether a model is left; what cannot be read is said once,
        and the old goes on."""
        self._try(self.access, self.access.refresh)
        if self.certificate:
            self._try(self.certificate, self.certificate.refresh)
        self.front = replace(self.front, is_empty=self._is_empty())
        if self._read_at() != self.written:
            self._try(self, self._reload)

    def drain(self, seconds: float, stopped: Callable[[], bool] = lambda: False) -> None:
        """Answer what is under way, for so long at most and until `stopped()`, and take nothing new; then stop."""
        if self.process and self.process.runs:
            # nginx forgets to reload when it is told to quit before it began.
            with suppress(ServerFailed):  # it may end by itself just now
                self._turn(replace(self.front, draining=True))
            for listener in self.listeners:
                listen_backlog.shut(listener)
            self._wait(lambda: not any(map(listen_backlog.waiting, self.listeners)), STOP_SECONDS)
            # nginx answers what it has on SIGQUIT, and drops it on SIGTERM.
            self.process.signal(signal.SIGQUIT)
            # Ours as well, or the kernel would go on queueing connections for nobody.
            self._close_listeners()
            self._wait(lambda: stopped() or not (self.process and self.process.runs), seconds)
        self.stop()

    def stop(self) -> None:
        """End nginx and its workers at once and remove the folder."""
        self._close_listeners()
        if self.process:
            self.process.stop(STOP_SECONDS)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _close_listeners(self) -> None:
        while self.listeners:
            self.listeners.pop().close()

    def check_running(self) -> None:
        """Raise ServerFailed if nginx has ended by itself."""
        if self.process and not self.process.runs:
            raise ServerFailed(f"the gateway ended with exit code {self.process.exit_code}\n{self._log_end()}")

    @property
    def _config(self) -> Path:
        return self.folder / "nginx.conf"

    def _write(self) -> None:
        """Only what nginx would take replaces what it has. Raises ServerFailed."""
        # Root's workers would else be nobody's, who may not look into the folder.
        user = "user root;\n" if os.geteuid() == 0 else ""
        new = self.folder / "new.conf"
        new.touch(mode=0o600)  # it holds the tokens
        new.write_text(user + nginx_config(self.front, self.folder, self.access.tokens, self.addresses))
        tested = subprocess.run([*self._command(new), "-t"], capture_output=True, text=True)
        if tested.returncode:
            raise ServerFailed(f"nginx does not take its configuration: {' '.join(tested.stderr.split())}")
        new.replace(self._config)
        self.written = self._read_at()

    def _turn(self, front: Front) -> None:
        """Return when nginx goes by what the front says now, in every request. Raises ServerFailed."""
        self.check_running()
        workers = psutil.Process(self.process.process.pid).children() if self.process else []
        self.front = front
        self._reload()
        if not self._wait(lambda: self._taken_up() and not any(map(_accepts, workers)), START_SECONDS):
            raise ServerFailed(f"the gateway took up nothing after {START_SECONDS} s\n{self._log_end()}")

    def _reload(self) -> None:
        self._write()
        if self.process:
            self.process.signal(signal.SIGHUP)

    def _try(self, part: object, action: Callable[[], None]) -> None:
        try:
            action()
            self.said.pop(part, None)
        except (UserError, ServerFailed) as error:
            if self.said.get(part) != str(error):
                print(f"torchferry: {error}; going on as before", file=sys.stderr, flush=True)
            self.said[part] = str(error)

    def _command(self, config: Path) -> list[str]:
        return [self.nginx, "-e", "stderr", "-p", str(self.folder), "-c", str(config)]

    def _read_at(self) -> tuple[object, object, bool]:
        return self.access.read_at, self.certificate and self.certificate.read_at, self.front.is_empty

    def _is_empty(self) -> bool:
        """As it was, where TorchServe does not say."""
        with suppress(UserError, ServerFault):
            return self.management is not None and not self.management.models(LOOK_SECONDS)
        return self.front.is_empty

    def _taken_up(self) -> bool:
        """A test of the configuration leaves the file empty; nginx has its ports when it writes its number."""
        self.check_running()
        with suppress(FileNotFoundError):
            return self.process is not None and pid_file(self.front, self.folder).read_text().strip() != ""
        return False

    def _wait(self, condition: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not (true := condition()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return true

    def _log_end(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-10:])


def _accepts(worker: psutil.Process) -> bool:
    """Whether one of before the reload still takes requests; it says in its title that it does not any more."""
    try:
        return "shutting down" not in " ".join(worker.cmdline()) and worker.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def _find_nginx() -> str:
    found = shutil.which("nginx", path=os.environ.get("PATH", os.defpath) + SYSTEM_FOLDERS)
    if found is None:
        raise UserError("nginx is not installed; install Debian's nginx-light, or give --gateway none")
    return found
