"""A rolling update and a canary with what the overlays say, and processes for pods: no request is lost."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.k8s.processes import Clients, ServerPod, Service
from tests.k8s.rendering import ROOT, named
from tests.k8s.test_components import model_of
from tests.waiting import wait_until
from torchferry.object_store import ObjectStore
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.registry.catalogue import Catalogue
from torchferry.serving.registry.publish import publish

pytestmark = pytest.mark.server

BODY = json.dumps(
    {"inputs": [{"name": "image", "shape": [1, 1, 8, 8], "datatype": "UINT8", "data": [0] * 64}]}
).encode()
PATHS = {"onnx-server": "/v2/models/digits/infer", "torchserve": "/v2/models/digits-onnx-fp32/infer"}


@pytest.fixture
def catalogue(bundle: Path, tmp_path: Path) -> Catalogue:
    """Version 1.0 is stable, 2.0 canary; both with one variant, so that TorchServe needs one worker."""
    catalogue = Catalogue(ObjectStore(f"file://{tmp_path}/store"), "digits")
    for version, channel in (("1.0", "stable"), ("2.0", "canary")):
        folder = tmp_path / f"bundle-{version}"
        shutil.copytree(bundle, folder)
        whole = bundles.load(folder)
        chosen = {"onnx-fp32": whole.variants["onnx-fp32"]}
        shutil.rmtree(folder / "variants/torch")
        (folder / "model.json").unlink()
        bundles.write(replace(whole, version=version, variants=chosen, files=bundles.checksums(folder)))
        publish(bundles.load(folder), catalogue)
        catalogue.move(channel, version)
    return catalogue


class Deployment:
    """Pods of a rendered Deployment, and what its controller does with them."""

    def __init__(self, folder: str, name: str, tmp_path: Path) -> None:
        self.rendered = named(folder, "Deployment", name)
        self.model = model_of(folder, self.rendered)
        self.folder, self.store, self.service = tmp_path / name, tmp_path / "store", Service()
        self.made = 0

    def add(self) -> None:
        self.made += 1
        spec = self.rendered["spec"]["template"]["spec"]
        pod = ServerPod(spec, self.folder / str(self.made), self.store, self.model)
        pod.start()
        self.service.pods.append(pod)
        pod.wait_ready()

    def update(self) -> list[int]:
        """The exit codes of the old pods. maxSurge 1, maxUnavailable 0: one more, then one less."""
        assert self.rendered["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        codes = []
        for old in list(self.service.pods):
            self.add()
            codes.append(old.end())
            self.service.pods.remove(old)
        return codes


@pytest.mark.parametrize("name", PATHS)
def test_a_rolling_update_loses_no_request(name: str, catalogue: Catalogue, tmp_path: Path) -> None:
    deployment = Deployment("cpu", name, tmp_path)
    clients = Clients([(deployment.service, 1)], PATHS[name], BODY)
    with deployment.service.kept_up():
        for _ in range(deployment.rendered["spec"]["replicas"]):
            deployment.add()
        with clients.asking():
            wait_until(lambda: len(clients.versions) > 50)
            catalogue.move("stable", "2.0")
            codes = deployment.update()
            seen = len(clients.versions)
            wait_until(lambda: len(clients.versions) > seen + 50)
    assert clients.failures == []
    assert codes == [0, 0]
    assert set(clients.versions[:50]) == {"1.0"}
    assert set(clients.versions[-50:]) == {"2.0"}


def test_a_model_that_is_damaged_in_the_store_starts_no_server(catalogue: Catalogue, tmp_path: Path) -> None:
    largest = max((tmp_path / "store/digits/objects").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    assert catalogue.channel("stable") == "1.0"
    deployment = Deployment("cpu", "onnx-server", tmp_path)
    with pytest.raises(subprocess.CalledProcessError) as raised:
        deployment.add()
    assert "is damaged (its checksum differs)" in raised.value.stderr
    assert deployment.service.pods == []


@pytest.fixture
def both(catalogue: Catalogue, tmp_path: Path) -> Iterator[dict[str, Deployment]]:
    """Stable and canary, each with a pod."""
    assert catalogue.channels() == {"stable": "1.0", "canary": "2.0"}
    found = {name: Deployment("canary", name, tmp_path) for name in ("onnx-server", "onnx-server-canary")}
    with found["onnx-server"].service.kept_up(), found["onnx-server-canary"].service.kept_up():
        for deployment in found.values():
            without_tokens(deployment)
            deployment.add()
        wait_until(lambda: all(deployment.service.endpoints for deployment in found.values()))
        yield found


def without_tokens(deployment: Deployment) -> None:
    """The combination has the component tokens as well, which has tests of its own."""
    (container,) = deployment.rendered["spec"]["template"]["spec"]["containers"]
    container["args"] = [word for word in container["args"] if not word.startswith("--tokens")]


def test_a_canary_gets_its_share_and_takes_over(both: dict[str, Deployment], catalogue: Catalogue) -> None:
    weights = {
        ref["name"]: ref["weight"]
        for ref in named("canary", "HTTPRoute", "onnx-server")["spec"]["rules"][0]["backendRefs"]
    }
    assert share(both, weights) == pytest.approx(0.1, abs=0.06)
    assert share(both, patched(weights)) == pytest.approx(0.5, abs=0.1)
    catalogue.move("stable", catalogue.resolve("canary"))
    stable = both["onnx-server"]
    clients = Clients([(both[name].service, weight) for name, weight in patched(weights).items()], *PATHS_OF_STABLE)
    with clients.asking():
        assert stable.update() == [0]
        seen = len(clients.versions)
        wait_until(lambda: len(clients.versions) > seen + 100)
    assert clients.failures == []
    assert set(clients.versions[-50:]) == {"2.0"}


PATHS_OF_STABLE = (PATHS["onnx-server"], BODY)


def share(both: dict[str, Deployment], weights: dict[str, int]) -> float:
    """Of the requests, the canary's."""
    clients = Clients([(both[name].service, weight) for name, weight in weights.items()], *PATHS_OF_STABLE)
    with clients.asking():
        wait_until(lambda: len(clients.versions) > 8000)
    assert clients.failures == []
    return clients.versions.count("2.0") / len(clients.versions)


def patched(weights: dict[str, int]) -> dict[str, int]:
    """By the command in the component's README."""
    text = (ROOT / "k8s/components/gateway-api/README.md").read_text()
    found = re.search(r"--type json -p '(\[.*?\])'", text, flags=re.DOTALL)
    assert found, "the README has no such command"
    names = list(weights)
    for operation in json.loads(found[1]):
        number = re.fullmatch(r"/spec/rules/0/backendRefs/(\d)/weight", operation["path"])
        assert number
        weights = weights | {names[int(number[1])]: operation["value"]}
    return weights
