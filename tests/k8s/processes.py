"""A rendered pod of a server as processes of this machine: its init container, its server, its probes, its end.

What a kubelet, a Service and a Deployment's controller would do is done here; commands, arguments, paths and seconds
are those of the rendered objects. Seconds are divided by SCALE, so that a test does not take minutes.
"""

import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.forks import ROOT, warm_python
from tests.k8s.rendering import Object, probes
from tests.ports import free_port
from tests.running import starts
from tests.waiting import wait_until

SCALE = 10
PROPAGATION = 0.5
"""Seconds in which a proxy still sends requests to a pod that leaves; at SCALE, five seconds of a cluster."""


def expanded(words: Sequence[str], variables: dict[str, str]) -> list[str]:
    """With $(NAME) put in, as a kubelet does."""
    for name, value in variables.items():
        words = [word.replace(f"$({name})", value) for word in words]
    return list(words)


def moved(words: Sequence[str], folders: dict[str, Path]) -> list[str]:
    """With mount paths replaced by folders of this machine."""
    for mount, folder in folders.items():
        words = [word.replace(f"{mount}/", f"{folder}/") for word in words]
    return list(words)


@dataclass
class ServerPod:
    spec: Object
    folder: Path
    """Its own."""
    store: Path
    model: str
    """What MODEL is."""
    leaving: bool = False
    port: int = field(default_factory=free_port)
    metrics_port: int = field(default_factory=free_port)

    def start(self) -> None:
        """Raises CalledProcessError if the init container fails."""
        mounts = {"/models": self.folder / "models", "/tmp": self.folder / "tmp", "/store": self.store}
        for name in ("models", "tmp"):
            (self.folder / name).mkdir(parents=True)
        (init,) = self.spec["initContainers"]
        assert init["command"][:4] == ["tini", "--", "sh", "-c"]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        variables = {"STORE": f"file://{self.store}", "MODEL": self.model, "PATH": path}
        command = moved(init["command"][2:], mounts)
        subprocess.run(command, cwd=ROOT, env=os.environ | variables, check=True, capture_output=True, text=True)
        arguments = moved(self.server["args"], mounts)
        ports = [f"--port={self.port}", "--grpc-port=0", f"--metrics-port={self.metrics_port}"]
        if "--runtime=onnx" in arguments:
            ports.append("--admin-port=0")
        python = warm_python() if "--runtime=torchserve" in arguments else sys.executable
        starts("server", arguments)
        self.log = (self.folder / "log").open("w")
        self.process = subprocess.Popen(
            [python, "-m", "torchferry", *arguments, *ports], cwd=ROOT, stdout=self.log, stderr=subprocess.STDOUT
        )

    @property
    def server(self) -> Object:
        (container,) = self.spec["containers"]
        return dict(container)

    def answers(self, probe: str) -> bool:
        """What the kubelet would find."""
        wanted = probes(self.server)[probe]
        port = {"rest": self.port, "metrics": self.metrics_port}[wanted["httpGet"]["port"]]
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=wanted["timeoutSeconds"])
        with closing(connection), suppress(OSError, http.client.HTTPException):
            connection.request("GET", wanted["httpGet"]["path"])
            return 200 <= connection.getresponse().status < 400
        return False

    def wait_ready(self) -> None:
        wait_until(lambda: self.answers("startupProbe") or self.process.poll() is not None, 180)
        assert self.process.poll() is None, (self.folder / "log").read_text()
        wait_until(lambda: self.answers("readinessProbe"))  # a kubelet asks again as well

    def end(self) -> int:
        """As when a pod is deleted: it is no endpoint any more, preStop, SIGTERM, and SIGKILL when its time is over."""
        started, grace = time.monotonic(), self.spec["terminationGracePeriodSeconds"]
        self.leaving = True
        time.sleep(self.server["lifecycle"]["preStop"]["sleep"]["seconds"] / SCALE)
        self.process.terminate()
        try:
            return self.process.wait(grace - (time.monotonic() - started))
        finally:
            self.kill()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder / "models", ignore_errors=True)


class Service:
    """The pods that are ready, and for a while those that have just begun to leave: proxies hear of it late."""

    def __init__(self) -> None:
        self.pods: list[ServerPod] = []
        self.endpoints: list[int] = []
        self.over = threading.Event()

    @contextmanager
    def kept_up(self) -> Iterator["Service"]:
        thread = threading.Thread(target=self._keep_up)
        thread.start()
        try:
            yield self
        finally:
            self.over.set()
            thread.join()
            for pod in self.pods:
                pod.kill()

    def _keep_up(self) -> None:
        seen: dict[int, float] = {}
        while not self.over.wait(0.1):
            now = time.monotonic()
            for pod in list(self.pods):
                if not pod.leaving and pod.answers("readinessProbe"):
                    seen[pod.port] = now
            known = {pod.port for pod in self.pods}
            self.endpoints = [port for port, at in seen.items() if port in known and now - at < PROPAGATION]


@dataclass
class Clients:
    """Threads that ask over kept connections, each of which goes to one endpoint, as through a Service."""

    routes: list[tuple[Service, int]]
    """Services and their weights."""
    path: str
    body: bytes
    versions: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def asking(self, threads: int = 4) -> Iterator["Clients"]:
        running = [threading.Thread(target=self._ask, args=(random.Random(number),)) for number in range(threads)]
        for thread in running:
            thread.start()
        try:
            yield self
        finally:
            self.over.set()
            for thread in running:
                thread.join()

    def _ask(self, chance: random.Random) -> None:
        while not self.over.is_set():
            services, weights = zip(*self.routes, strict=True)
            (service,) = chance.choices(services, weights)
            if service.endpoints:
                self._ask_over(http.client.HTTPConnection("127.0.0.1", chance.choice(service.endpoints), timeout=20))
            else:
                time.sleep(0.05)

    def _ask_over(self, connection: http.client.HTTPConnection) -> None:
        try:
            for _ in range(20):
                connection.request("POST", self.path, self.body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                text = answer.read().decode()
                if answer.status != 200:
                    self.failures.append(f"{answer.status} {text}")
                    return
                self.versions.append(str(json.loads(text)["model_version"]))
                if answer.will_close:
                    return
        except (OSError, http.client.HTTPException) as error:
            self.failures.append(repr(error))
        finally:
            connection.close()
