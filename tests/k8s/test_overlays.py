"""Every overlay and combination keeps the rules of k8s/README.md."""

import re
from pathlib import Path
from typing import Any

from tests.k8s.rendering import (
    ADDED,
    FOLDERS,
    OVERLAYS,
    PODS,
    ROOT,
    containers,
    each_folder,
    each_whole_folder,
    each_with_deployments,
    environment,
    of_kind,
    pods,
    render,
    selects,
)
from tests.some import some
from torchferry import __version__

LABELS = {f"app.kubernetes.io/{key}" for key in ("name", "component", "part-of", "instance", "version")}
MANAGEMENT = {8081, 7071}
# Of no namespace.
CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding", "ClusterTrainingRuntime", "ResourceFlavor"} | {
    "ClusterQueue"
}


def test_what_each_makes_pods_of_is_named() -> None:
    assert PODS.keys() == set(FOLDERS)
    assert all(PODS.values())


def test_the_overlays_are_those_of_the_readme() -> None:
    assert {"local", "cpu", "gpu", "kubeflow"} <= set(OVERLAYS)
    readme = (ROOT / "k8s/README.md").read_text()
    assert [name for name in OVERLAYS if f"`overlays/{name}`" not in readme] == []


@each_folder
def test_every_object_lies_in_the_namespace_of_the_overlay(folder: str) -> None:
    items = [item for item in render(folder) if item["kind"] not in CLUSTER_WIDE]
    assert {item["metadata"].get("namespace") for item in items} == {"torchferry"}


@each_folder
def test_no_two_objects_have_one_name(folder: str) -> None:
    names = [(item["kind"], item["metadata"]["name"]) for item in render(folder)]
    assert len(set(names)) == len(names)


@each_folder
def test_everything_has_the_recommended_labels(folder: str) -> None:
    found = {
        f"{item['kind']}/{item['metadata']['name']}": item["metadata"].get("labels", {}) for item in render(folder)
    }
    for pod in some(pods(folder)):
        found[f"pod of {pod.owner}"] = pod.labels
    missing = {name: LABELS - labels.keys() for name, labels in found.items() if LABELS - labels.keys()}
    assert missing == {}
    assert {labels["app.kubernetes.io/version"] for labels in found.values()} == {__version__}


@each_with_deployments
def test_selectors_hold_no_label_that_changes(folder: str) -> None:
    # A Deployment's selector can never change, so a version in it would block the next release.
    for item in some(of_kind(folder, "Deployment", "StatefulSet")):
        assert item["spec"]["selector"]["matchLabels"].keys() == {"app.kubernetes.io/name"}


@each_folder
def test_images_have_a_version(folder: str) -> None:
    for container in some(containers(folder)):
        name, _, tag = container["image"].rpartition(":")
        assert re.search(r"\d", tag), container["image"]
        if name.startswith("torchferry-"):
            assert tag == __version__, container["image"]
            assert dockerfile(name).is_file()


@each_folder
def test_containers_have_requests_and_limits(folder: str) -> None:
    for container in some(containers(folder)):
        for bound in ("requests", "limits"):
            assert container["resources"][bound].keys() >= {"cpu", "memory"}, container["name"]


@each_folder
def test_containers_cannot_write_their_image(folder: str) -> None:
    for container in some(containers(folder)):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, container["name"]


@each_folder
def test_volumes_in_memory_or_on_the_node_have_a_limit(folder: str) -> None:
    for pod in some(pods(folder)):
        for volume in pod.spec.get("volumes", []):
            if "emptyDir" in volume:
                assert "sizeLimit" in volume["emptyDir"], (pod.owner, volume["name"])


@each_folder
def test_pods_get_neither_the_default_token_nor_service_links(folder: str) -> None:
    for pod in some(pods(folder)):
        named = pod.spec.get("serviceAccountName", "default")
        assert pod.spec.get("automountServiceAccountToken") is False or named != "default", pod.owner
        assert pod.spec["enableServiceLinks"] is False, pod.owner


@each_folder
def test_services_budgets_and_spreads_select_pods_that_exist(folder: str) -> None:
    selectors = [item["spec"]["selector"] for item in of_kind(folder, "Service")]
    for item in of_kind(folder, "PodDisruptionBudget", "Deployment", "StatefulSet"):
        selectors.append(item["spec"]["selector"]["matchLabels"])
    for pod in some(pods(folder)):
        for spread in pod.spec.get("topologySpreadConstraints", []):
            assert selects(spread["labelSelector"]["matchLabels"], pod), pod.owner
    assert bool(selectors) == (folder not in ADDED)
    for selector in selectors:
        assert any(selects(selector, pod) for pod in pods(folder)), selector


@each_whole_folder
def test_services_reach_named_ports_of_their_pods(folder: str) -> None:
    for service in some(of_kind(folder, "Service")):
        selected = [pod for pod in pods(folder) if selects(service["spec"]["selector"], pod)]
        numbers: dict[str, Any] = {
            port["name"]: port["containerPort"]
            for pod in selected
            for container in pod.containers
            for port in container.get("ports", [])
        }
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in numbers, service["metadata"]["name"]


@each_folder
def test_nobody_offers_management(folder: str) -> None:
    assert bool(of_kind(folder, "Service")) == (folder not in ADDED)
    for service in of_kind(folder, "Service"):
        for port in service["spec"]["ports"]:
            assert not {port["port"], port["targetPort"]} & MANAGEMENT
    for container in some(containers(folder)):
        assert not {port["containerPort"] for port in container.get("ports", [])} & MANAGEMENT


@each_folder
def test_ports_are_those_the_images_expose(folder: str) -> None:
    for container in some(containers(folder)):
        name = container["image"].partition(":")[0]
        if name.startswith("torchferry-") and (ports := {port["containerPort"] for port in container.get("ports", [])}):
            assert ports == exposed(dockerfile(name))


def dockerfile(image: str) -> Path:
    return ROOT / "docker" / f"{image.removeprefix('torchferry-')}.Dockerfile"


def exposed(path: Path) -> set[int]:
    lines: list[str] = re.findall(r"^EXPOSE (.*)", path.read_text(), flags=re.MULTILINE)
    return {int(port) for line in lines for port in line.split()}


@each_folder
def test_claims_and_settings_that_are_named_exist(folder: str) -> None:
    # Overlays that add to another one use its objects.
    items = [item for name in {folder, "local"} for item in render(name)]
    known = {(item["kind"], item["metadata"]["name"]) for item in items}
    for pod in some(pods(folder)):
        for volume in pod.spec.get("volumes", []):
            if claim := volume.get("persistentVolumeClaim"):
                assert ("PersistentVolumeClaim", claim["claimName"]) in known, pod.owner
            if "configMap" in volume:
                assert ("ConfigMap", volume["configMap"]["name"]) in known, pod.owner
        for container in pod.containers:
            for entry in container.get("env", []):
                if wanted := entry.get("valueFrom", {}).get("configMapKeyRef"):
                    assert ("ConfigMap", wanted["name"]) in known, (pod.owner, entry["name"])


@each_folder
def test_variables_in_arguments_are_set(folder: str) -> None:
    for container in some(containers(folder)):
        words = [*container.get("command", []), *container.get("args", [])]
        used = {name for word in words for name in re.findall(r"\$\((\w+)\)", str(word))}
        assert used <= environment(container).keys(), container["name"]
