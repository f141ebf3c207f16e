"""The servers' pods: probes, graceful termination, threads, rolling updates and the source of the model."""

import re

import pytest

from tests.k8s.rendering import (
    ROOT,
    Object,
    Pod,
    each_whole_folder,
    each_with_deployments,
    named,
    of_kind,
    pods,
    probes,
    selects,
)
from tests.some import some

SERVING = {"app.kubernetes.io/component": "serving"}
READY = {"torchserve": "/readyz", "onnx-server": "/v2/health/ready"}
PROBED = {"torchserve": "rest", "onnx-server": "metrics"}
ALIVE = {"torchserve": "/healthz", "onnx-server": "/v2/health/live"}
SPARE = 10  # seconds for a process to end
# What TorchServe may need after its drain: the gateway's reload and its open connections, then Java.
TORCHSERVE_STOP = 20


def serving_pods(folder: str) -> list[Pod]:
    return [pod for pod in pods(folder) if selects(SERVING, pod)]


def server(pod: Pod) -> Object:
    (container,) = pod.spec["containers"]
    return dict(container)


def runtime(pod: Pod) -> str:
    return "torchserve" if "--runtime=torchserve" in server(pod)["args"] else "onnx-server"


def option(pod: Pod, name: str) -> str:
    (value,) = [word.partition("=")[2] for word in server(pod)["args"] if word.startswith(f"--{name}=")]
    return str(value)


def test_local_and_cpu_have_both_servers() -> None:
    for folder in ("local", "cpu"):
        assert {runtime(pod) for pod in serving_pods(folder)} == {"torchserve", "onnx-server"}


@each_whole_folder
def test_probes_ask_what_is_true(folder: str) -> None:
    for pod in some(serving_pods(folder)):
        asked = {name: probe["httpGet"] for name, probe in probes(server(pod)).items()}
        assert {name: get["path"] for name, get in asked.items()} == {
            "startupProbe": READY[runtime(pod)],
            "readinessProbe": READY[runtime(pod)],
            "livenessProbe": ALIVE[runtime(pod)],
        }
        assert {get["port"] for get in asked.values()} == {PROBED[runtime(pod)]}
        tls = any(word.startswith("--tls-key=") for word in server(pod)["args"])
        assert {get.get("scheme", "HTTP") for get in asked.values()} == {"HTTPS" if tls else "HTTP"}


@each_with_deployments
def test_prometheus_is_told_whose_metrics_are_behind_tls(folder: str) -> None:
    for item in some(of_kind(folder, "Deployment")):
        template = item["spec"]["template"]
        (container, *_) = template["spec"]["containers"]
        if container["name"] == "onnx-server":
            scheme = template["metadata"].get("annotations", {}).get("prometheus.io/scheme")
            tls = any(word.startswith("--tls-key=") for word in container["args"])
            assert scheme == ("https" if tls else None)


@each_whole_folder
def test_a_slow_load_is_waited_for_and_a_dead_server_is_not(folder: str) -> None:
    for pod in some(serving_pods(folder)):
        found = probes(server(pod))
        assert found["startupProbe"]["periodSeconds"] * found["startupProbe"]["failureThreshold"] >= 180
        assert found["livenessProbe"]["periodSeconds"] * found["livenessProbe"]["failureThreshold"] <= 60


@each_whole_folder
def test_the_end_has_time_for_everything_in_it(folder: str) -> None:
    for pod in some(serving_pods(folder)):
        drain, leaving = float(option(pod, "drain-timeout")), server(pod)["lifecycle"]["preStop"]["sleep"]["seconds"]
        needed = leaving + drain + SPARE
        if runtime(pod) == "torchserve":
            needed = leaving + 2 * drain + TORCHSERVE_STOP
        assert pod.spec["terminationGracePeriodSeconds"] >= needed, pod.owner


@each_with_deployments
def test_a_rolling_update_never_has_fewer_servers(folder: str) -> None:
    for item in some(of_kind(folder, "Deployment")):
        if item["spec"]["template"]["metadata"]["labels"].items() >= SERVING.items():
            assert item["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
            budgets = [
                budget["spec"]["maxUnavailable"]
                for budget in of_kind(folder, "PodDisruptionBudget")
                if budget["spec"]["selector"] == item["spec"]["selector"]
            ]
            assert budgets == [1], item["metadata"]["name"]


@each_whole_folder
def test_threads_have_a_quota_to_follow(folder: str) -> None:
    for pod in some(serving_pods(folder)):
        assert re.fullmatch(r"[1-9]\d*", str(server(pod)["resources"]["limits"]["cpu"])), (
            "less than a core is throttled"
        )
        assert not any(word.startswith("--threads") for word in server(pod)["args"])


@each_whole_folder
def test_the_model_is_pulled_and_checked_or_mounted_as_an_image(folder: str) -> None:
    for pod in some(serving_pods(folder)):
        models = {volume["name"]: volume for volume in pod.spec["volumes"]}["models"]
        if "image" in models:
            assert pod.spec.get("initContainers", []) == []
            assert re.search(r":[\w.]*\d", models["image"]["reference"])
        else:
            (init,) = pod.spec["initContainers"]
            assert 'torchferry pull "$STORE/$MODEL" /models/model' in init["command"][-1]
            assert init["image"] == server(pod)["image"]
        assert "/models/model" in server(pod)["args"]
        (mount,) = [mount for mount in server(pod)["volumeMounts"] if mount["name"] == "models"]
        assert (mount["mountPath"], mount["readOnly"]) == ("/models", True)


@each_whole_folder
def test_servers_never_write_the_store(folder: str) -> None:
    for pod in some(serving_pods(folder)):
        for container in pod.containers:
            for mount in container["volumeMounts"]:
                assert mount["name"] != "store" or mount["readOnly"] is True


@pytest.mark.parametrize("name", ["torchserve", "onnx-server"])
def test_another_model_is_a_rolling_update(name: str) -> None:
    # The pod template changes with the ConfigMap's name, which holds a hash of what is in it.
    (init,) = named("local", "Deployment", name)["spec"]["template"]["spec"]["initContainers"]
    (model,) = [entry["valueFrom"] for entry in init["env"] if entry["name"] == "MODEL"]
    assert re.fullmatch(r"model-[0-9a-z]{10}", model["configMapKeyRef"]["name"])


def test_the_readmes_of_the_servers_know_these_paths() -> None:
    for name, path in (*READY.items(), *ALIVE.items()):
        assert path in (ROOT / f"serving/{name.replace('-', '_')}/README.md").read_text()
