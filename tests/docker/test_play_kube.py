"""The server pods of the local overlay, run by `podman play kube`: they pull, become ready, predict, and drain.

podman 4.3 knows less than a kubelet, so a pod is changed where it has to be (see `manifest`), and its probes are asked
by this test. All else is as rendered: commands, users, read-only file systems, capabilities, limits, volumes.
"""

import http.client
import json
import tarfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.engine import Engine
from tests.k8s.rendering import Object, named, of_kind, probes
from tests.ports import free_port
from tests.waiting import wait_until
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.registry.catalogue import Catalogue
from torchferry.serving.registry.publish import publish

BODY = json.dumps(
    {"inputs": [{"name": "image", "shape": [1, 1, 8, 8], "datatype": "UINT8", "data": [0] * 64}]}
).encode()
INFER = {"onnx-server": "/v2/models/digits/infer", "torchserve": "/v2/models/digits-onnx-fp32/infer"}
CORES = "from torchferry.serving.cpu import cores; print(cores())"


def manifest(deployment: Object, image: str, port: int) -> Object:
    """A pod as the Deployment would make it, but for what podman 4.3 cannot do."""
    name = f"{deployment['metadata']['name']}-{uuid.uuid4().hex[:8]}"
    spec = json.loads(json.dumps(deployment["spec"]["template"]["spec"]))
    spec["restartPolicy"] = "Never"  # init containers would begin again and again
    for volume in spec["volumes"]:
        if "persistentVolumeClaim" in volume:
            volume["persistentVolumeClaim"]["claimName"] = f"{name}-store"
    for container in [*spec["initContainers"], *spec["containers"]]:
        container |= {"image": image, "imagePullPolicy": "Never"}
        for mount in container["volumeMounts"]:
            mount["name"] = f"{name}-{mount['name']}"  # an emptyDir is a volume that all pods share by its name
        for unknown in ("startupProbe", "readinessProbe", "livenessProbe", "lifecycle"):
            container.pop(unknown, None)
    for volume in spec["volumes"]:
        volume["name"] = f"{name}-{volume['name']}"
    spec["containers"][0]["ports"] = [{"containerPort": 8080, "hostPort": port, "hostIP": "127.0.0.1"}]
    metadata = {"name": name, "labels": deployment["spec"]["template"]["metadata"]["labels"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


class NobodyListens(OSError):
    """No connection was made. In a cluster the pod has left the Service long ago."""


class PlayedPod:
    def __init__(self, engine: Engine, deployment: Object, image: str, folder: Path) -> None:
        self.engine, self.port, self.folder = engine, free_port(), folder
        (self.server,) = deployment["spec"]["template"]["spec"]["containers"]
        self.grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        self.pod = manifest(deployment, image, self.port)
        self.name = self.pod["metadata"]["name"]
        self.container = f"{self.name}-{self.server['name']}"

    @contextmanager
    def played(self, store: Path) -> Iterator["PlayedPod"]:
        archive, written = self.folder / "store.tar", self.folder / "pod.yaml"
        self.engine.ask("volume", "create", f"{self.name}-store")
        with tarfile.open(archive, "w") as file:
            file.add(store, arcname=".")
        self.engine.ask("volume", "import", f"{self.name}-store", archive)
        written.write_text(yaml.safe_dump_all([*of_kind("local", "ConfigMap"), self.pod]))
        try:
            self.engine.ask("play", "kube", written, seconds=120)
            yield self
        finally:
            self.engine.podman("pod", "rm", "--force", "--time", 5, self.name)
            self.engine.podman("volume", "rm", "--all", "--force")

    def answers(self, probe: str) -> bool:
        try:
            path = probes(self.server)[probe]["httpGet"]["path"]
            return 200 <= self.ask("GET", path)[0] < 400
        except (OSError, http.client.HTTPException):
            return False

    def ask(
        self, method: str, path: str, body: bytes | None = None, address: tuple[str, int] | None = None
    ) -> tuple[int, Any]:
        """At the port of this machine that is forwarded, or at another address."""
        connection = http.client.HTTPConnection(*(address or ("127.0.0.1", self.port)), timeout=30)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise NobodyListens from error
            connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    @property
    def address(self) -> tuple[str, int]:
        """Its own. At the forwarded port podman itself listens as well, so that a client which comes while the rules go
        is taken by podman, and reset as that ends."""
        infra = self.engine.ask("pod", "inspect", "--format", "{{.InfraContainerID}}", self.name)
        networks = json.loads(self.engine.ask("inspect", "--format", "{{json .NetworkSettings.Networks}}", infra))
        (network,) = networks.values()
        return network["IPAddress"], 8080

    def inspect(self, what: str) -> str:
        return self.engine.ask("inspect", "--format", f"{{{{{what}}}}}", self.container)

    @property
    def log(self) -> str:
        done = self.engine.podman("logs", self.container)
        return done.stdout + done.stderr


@pytest.fixture(params=["onnx-server", "torchserve"])
def pod(request: pytest.FixtureRequest, engine: Engine, bundle: Path, tmp_path: Path) -> Iterator[PlayedPod]:
    """Ready."""
    image = request.getfixturevalue(request.param.replace("-", "_"))
    catalogue = Catalogue(ObjectStore(f"file://{tmp_path}/store"), "digits")
    publish(bundles.load(bundle), catalogue)
    catalogue.move("stable", "1.0")
    played = PlayedPod(engine, named("local", "Deployment", request.param), image, tmp_path)
    with played.played(tmp_path / "store") as pod:
        wait_until(lambda: pod.answers("startupProbe") or pod.inspect(".State.Running") == "false", 180)
        assert pod.answers("readinessProbe"), pod.log
        yield pod


def test_a_pod_predicts_within_its_limits_and_drains(pod: PlayedPod) -> None:
    runtime = pod.server["name"]
    assert pod.answers("livenessProbe")
    status, answer = pod.ask("POST", INFER[runtime], BODY)
    assert (status, answer["model_version"]) == (200, "1.0")
    # Threads are made by this.
    assert pod.engine.ask("exec", pod.container, "python", "-c", CORES) == str(pod.server["resources"]["limits"]["cpu"])
    answered, failures = until_refused(pod, INFER[runtime])
    assert failures == []
    assert answered > 50
    assert pod.inspect(".State.ExitCode") == "0"


def until_refused(pod: PlayedPod, path: str) -> tuple[int, list[str]]:
    """How many requests were answered, and which were not, while the container was stopped among them."""
    answered: list[int] = []
    failures: list[str] = []
    address = pod.address

    def ask() -> None:
        while True:
            try:
                status, answer = pod.ask("POST", path, BODY, address)
            except NobodyListens:
                return
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                return
            if status != 200:
                failures.append(f"{status} {answer}")
                return
            answered.append(status)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answered) > 50)
    pod.engine.ask("stop", "--time", pod.grace, pod.container, seconds=pod.grace + 30)
    for thread in threads:
        thread.join()
    return len(answered), failures
