"""Every overlay renders, is valid for each Kubernetes version known here, and keeps the rules of k8s/README.md."""

import functools
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate.utils
import pytest
import yaml

ROOT = Path(__file__).parents[2]
OVERLAYS = sorted(path.parent.name for path in (ROOT / "k8s/overlays").glob("*/kustomization.yaml"))
# Earlier ones know no `sleep` before a stop.
VERSIONS = sorted({v for v in kubernetes_validate.utils.all_versions() if int(v.split(".")[1]) >= 30})
LABELS = {f"app.kubernetes.io/{key}" for key in ("name", "component", "part-of", "instance", "version")}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

Object = dict[str, Any]
each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@functools.cache
def render(overlay: str) -> tuple[Object, ...]:
    """The objects of an overlay, as the cluster would get them."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is missing; it renders the overlays")
    folder = ROOT / "k8s/overlays" / overlay
    result = subprocess.run(["kubectl", "kustomize", folder], check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "deprecated" not in result.stderr, result.stderr
    return tuple(yaml.safe_load_all(result.stdout))


def of_kind(overlay: str, kind: str) -> list[Object]:
    return [item for item in render(overlay) if item["kind"] == kind]


def pods(overlay: str) -> list[Object]:
    """Everything with metadata and a pod spec: pods, and the templates of what makes pods."""
    templates = [item["spec"]["template"] for item in render(overlay) if "template" in item.get("spec", {})]
    return of_kind(overlay, "Pod") + templates


def containers(overlay: str) -> Iterator[Object]:
    for pod in pods(overlay):
        yield from pod["spec"].get("initContainers", [])
        yield from pod["spec"]["containers"]


def environment(container: Object) -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in container.get("env", [])}


def test_there_are_overlays_and_versions_to_check() -> None:
    assert "local" in OVERLAYS
    assert len(VERSIONS) >= 6


@each_overlay
@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid(overlay: str, version: str) -> None:
    for item in render(overlay):
        kubernetes_validate.validate(item, version, strict=True)


@each_overlay
def test_every_object_lies_in_the_namespace_of_the_overlay(overlay: str) -> None:
    spaces = {item["metadata"].get("namespace") for item in render(overlay) if item["kind"] != "Namespace"}
    assert len(spaces) == 1
    assert None not in spaces


@each_overlay
def test_namespaces_enforce_the_restricted_standard(overlay: str) -> None:
    for space in of_kind(overlay, "Namespace"):
        assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@each_overlay
def test_everything_has_the_recommended_labels(overlay: str) -> None:
    for item in [*render(overlay), *pods(overlay)]:
        labels = item["metadata"]["labels"]
        assert labels.keys() >= LABELS, item["metadata"]
        assert labels["app.kubernetes.io/version"] == PROJECT["version"]


@each_overlay
def test_selectors_hold_no_label_that_changes(overlay: str) -> None:
    # A Deployment's selector can never change, so a version in it would block the next release.
    for item in of_kind(overlay, "Deployment"):
        assert item["spec"]["selector"]["matchLabels"].keys() == {"app.kubernetes.io/name"}


@each_overlay
def test_images_have_the_version_of_the_project(overlay: str) -> None:
    for container in containers(overlay):
        name, _, tag = container["image"].partition(":")
        assert tag == PROJECT["version"], container["image"]
        assert dockerfile(name).is_file()


@each_overlay
def test_deployments_have_three_probes_and_drain(overlay: str) -> None:
    for item in of_kind(overlay, "Deployment"):
        spec = item["spec"]["template"]["spec"]
        for container in spec["containers"]:
            assert container["startupProbe"]["exec"]["command"] == ["test", "-f", "/tmp/ready"]
            assert container["readinessProbe"]["httpGet"] == {"path": "/ping", "port": "rest"}
            assert container["livenessProbe"]["tcpSocket"] == {"port": "rest"}
            assert spec["terminationGracePeriodSeconds"] > container["lifecycle"]["preStop"]["sleep"]["seconds"] + 10


@each_overlay
def test_containers_have_requests_and_limits(overlay: str) -> None:
    for container in containers(overlay):
        for bound in ("requests", "limits"):
            assert container["resources"][bound].keys() >= {"cpu", "memory"}, container["name"]


@each_overlay
def test_pods_are_restricted(overlay: str) -> None:
    for pod in pods(overlay):
        spec, security = pod["spec"], pod["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True
        assert (security["runAsUser"], security["runAsGroup"]) == (1000, 1000)
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not spec.keys() & {"hostNetwork", "hostPID", "hostIPC"}
        for volume in spec.get("volumes", []):
            assert volume.keys() & {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}, volume


@each_overlay
def test_containers_are_restricted(overlay: str) -> None:
    for container in containers(overlay):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }, container["name"]
        assert not any("hostPort" in port for port in container.get("ports", []))


@each_overlay
def test_pods_get_neither_a_token_nor_service_links(overlay: str) -> None:
    for pod in pods(overlay):
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False


@each_overlay
def test_services_and_budgets_select_pods_that_exist(overlay: str) -> None:
    labels = [pod["metadata"]["labels"].items() for pod in pods(overlay)]
    for item in of_kind(overlay, "Service"):
        assert any(selected >= item["spec"]["selector"].items() for selected in labels), item["metadata"]["name"]
    for item in [*of_kind(overlay, "PodDisruptionBudget"), *of_kind(overlay, "Deployment")]:
        assert any(selected >= item["spec"]["selector"]["matchLabels"].items() for selected in labels)


@each_overlay
def test_services_reach_named_ports_of_their_pods(overlay: str) -> None:
    for service in of_kind(overlay, "Service"):
        wanted = service["spec"]["selector"].items()
        selected = [pod for pod in pods(overlay) if pod["metadata"]["labels"].items() >= wanted]
        numbers = {
            port["name"]: port["containerPort"]
            for pod in selected
            for container in pod["spec"]["containers"]
            for port in container["ports"]
        }
        for port in service["spec"]["ports"]:
            assert numbers[port["targetPort"]] == port["port"], service["metadata"]["name"]


@each_overlay
def test_no_service_offers_management(overlay: str) -> None:
    for service in of_kind(overlay, "Service"):
        for port in service["spec"]["ports"]:
            assert not {port["port"], port["targetPort"]} & {8081, 7071}


@each_overlay
def test_ports_are_those_the_images_expose(overlay: str) -> None:
    for container in containers(overlay):
        if ports := {port["containerPort"] for port in container.get("ports", [])}:
            assert ports == exposed(dockerfile(container["image"].partition(":")[0]))


def dockerfile(image: str) -> Path:
    return ROOT / "docker" / f"{image.removeprefix('torchferry-')}.Dockerfile"


def exposed(path: Path) -> set[int]:
    lines: list[str] = re.findall(r"^EXPOSE (.*)", path.read_text(), flags=re.MULTILINE)
    return {int(port) for line in lines for port in line.split()}


@each_overlay
def test_claims_that_are_mounted_exist(overlay: str) -> None:
    claims = {item["metadata"]["name"] for name in OVERLAYS for item in of_kind(name, "PersistentVolumeClaim")}
    for pod in pods(overlay):
        for volume in pod["spec"].get("volumes", []):
            if claim := volume.get("persistentVolumeClaim"):
                assert claim["claimName"] in claims


@each_overlay
def test_only_model_copy_can_write_models(overlay: str) -> None:
    for pod in pods(overlay):
        for container in pod["spec"]["containers"]:
            for mount in container["volumeMounts"]:
                if mount["name"] == "model-store" and container["name"] != "model-copy":
                    assert mount["readOnly"] is True


@each_overlay
def test_training_pods_find_each_other(overlay: str) -> None:
    headless = {
        service["metadata"]["name"]: service["spec"]
        for service in of_kind(overlay, "Service")
        if service["spec"].get("clusterIP") == "None"
    }
    for job in of_kind(overlay, "Job"):
        template = job["spec"]["template"]
        service = headless[template["spec"]["subdomain"]]
        assert service["publishNotReadyAddresses"] is True
        assert template["metadata"]["labels"].items() >= service["selector"].items()
        endpoint = environment(template["spec"]["containers"][0])["PET_RDZV_ENDPOINT"]
        assert endpoint == f"$(JOB_NAME)-0.{template['spec']['subdomain']}:29400"
        assert job["spec"]["completionMode"] == "Indexed"


@each_overlay
def test_torchrun_waits_for_as_many_nodes_as_there_are_pods(overlay: str) -> None:
    for job in of_kind(overlay, "Job"):
        nodes = environment(job["spec"]["template"]["spec"]["containers"][0])["PET_NNODES"]
        assert int(nodes) == job["spec"]["completions"] == job["spec"]["parallelism"]


@each_overlay
def test_a_lost_training_pod_is_replaced_once_it_is_gone(overlay: str) -> None:
    for job in of_kind(overlay, "Job"):
        spec = job["spec"]
        assert spec["backoffLimitPerIndex"] > 0
        assert (spec["maxFailedIndexes"], spec["podReplacementPolicy"]) == (0, "Failed")
        assert spec["template"]["spec"]["restartPolicy"] == "Never"
        variables = environment(spec["template"]["spec"]["containers"][0])
        assert int(variables["PET_MAX_RESTARTS"]) > 0
        assert variables["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] == "1"


@each_overlay
def test_only_a_disruption_is_forgiven_and_only_a_wrong_command_is_final(overlay: str) -> None:
    for job in of_kind(overlay, "Job"):
        disrupted, refused = job["spec"]["podFailurePolicy"]["rules"]
        assert disrupted == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
        assert (refused["action"], refused["onExitCodes"]["values"]) == ("FailJob", [2])
        names = {container["name"] for container in job["spec"]["template"]["spec"]["containers"]}
        assert refused["onExitCodes"]["containerName"] in names


@each_overlay
def test_training_has_time_to_save_before_it_is_killed(overlay: str) -> None:
    for job in of_kind(overlay, "Job"):
        spec = job["spec"]["template"]["spec"]
        saving = int(environment(spec["containers"][0])["PET_SHUTDOWN_TIMEOUT"])
        assert spec["terminationGracePeriodSeconds"] > saving + 10


@each_overlay
def test_training_has_shared_memory_for_its_loaders(overlay: str) -> None:
    for job in of_kind(overlay, "Job"):
        spec = job["spec"]["template"]["spec"]
        memory = {volume["name"] for volume in spec["volumes"] if volume.get("emptyDir", {}).get("medium") == "Memory"}
        shared = [mount for mount in spec["containers"][0]["volumeMounts"] if mount["mountPath"] == "/dev/shm"]
        assert {mount["name"] for mount in shared} == memory != set()
