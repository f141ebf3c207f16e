"""Each component says what it is, is built somewhere, and does what it says."""

import json
import re

import pytest
import yaml

from tests.k8s.rendering import COMBINATIONS, FOLDERS, ROOT, Object, named, of_kind, path_of, pods, selects
from tests.k8s.test_serving_pods import SERVING, server, serving_pods

COMPONENTS = sorted(path.name for path in (ROOT / "k8s/components").iterdir() if path.is_dir())
OF_THE_ISSUE = {
    *("gpu", "elastic", "kubeflow-trainer", "pytorchjob", "jobset", "kueue", "rdma", "hpa", "keda", "gateway-api"),
    *("kserve", "image-volume", "prometheus-operator", "network-policy", "tls"),
}


def test_the_readme_lists_all_of_them() -> None:
    readme = (ROOT / "k8s/README.md").read_text()
    assert [name for name in COMPONENTS if f"`{name}`" not in readme] == []
    assert not OF_THE_ISSUE - set(COMPONENTS)


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_has_a_readme(name: str) -> None:
    title, blank, *text = (ROOT / "k8s/components" / name / "README.md").read_text().splitlines()
    assert (title, blank) == (f"# {name}", "")
    assert 3 <= len(text) <= 60


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_is_built_by_an_overlay_or_a_combination(name: str) -> None:
    files = [path_of(folder) / "kustomization.yaml" for folder in FOLDERS]
    # Those that change training have combinations of their own.
    files += (ROOT / "tests/k8s").glob("*/*/kustomization.yaml")
    used = {line.strip() for path in files for line in path.read_text().splitlines()}
    used |= {line for path in (ROOT / "tests/k8s").glob("test_training*.py") for line in path.read_text().splitlines()}
    assert any(re.search(rf"\b{name}\b", line) for line in used)


def test_combinations_are_there() -> None:
    assert {"hpa", "keda", "canary", "tls-tokens", "image-volume", "object-store"} <= set(COMBINATIONS)


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_an_autoscaler_scales_has_no_number_of_its_own(folder: str) -> None:
    scaled = [item["spec"]["scaleTargetRef"]["name"] for item in of_kind(folder, "HorizontalPodAutoscaler")]
    scaled += [item["spec"]["scaleTargetRef"]["name"] for item in of_kind(folder, "ScaledObject")]
    for item in of_kind(folder, "Deployment"):
        if "torchferry-" in json.dumps(item) and item["metadata"]["name"] in ("torchserve", "onnx-server"):
            assert ("replicas" not in item["spec"]) == (item["metadata"]["name"] in scaled)
    assert set(scaled) <= {item["metadata"]["name"] for item in of_kind(folder, "Deployment")}
    assert len(set(scaled)) == len(scaled)


def test_tokens_and_certificate_come_from_secrets() -> None:
    found = serving_pods("tls-tokens")
    assert len(found) == 2
    for pod in found:
        secrets = {volume["secret"]["secretName"]: volume for volume in pod.spec["volumes"] if "secret" in volume}
        assert secrets.keys() == {"serving-tokens", "serving-tls"}
        # fsGroup lets UID 1000 read what is the group's.
        assert {volume["secret"]["defaultMode"] for volume in secrets.values()} == {0o440}
        mounts = {mount["mountPath"]: mount.get("readOnly") for mount in server(pod)["volumeMounts"]}
        given = [word.partition("=")[2] for word in server(pod)["args"] if re.match("--(tokens|tls-)", word)]
        assert given == ["/tls/tls.crt", "/tls/tls.key", "/tokens/tokens"]
        assert mounts["/tls"]
        assert mounts["/tokens"]


def test_object_storage_needs_no_claim() -> None:
    assert "model-store" not in {item["metadata"]["name"] for item in of_kind("object-store", "PersistentVolumeClaim")}
    assert named("object-store", "ConfigMap", "model-store")["data"] == {"STORE": "s3://models"}
    for pod in serving_pods("object-store"):
        assert "store" not in {volume["name"] for volume in pod.spec["volumes"]}
        (init,) = pod.spec["initContainers"]
        assert init["envFrom"] == [{"secretRef": {"name": "model-store", "optional": True}}]
        assert {mount["name"] for mount in init["volumeMounts"]} == {"models", "tmp"}


def test_the_canary_is_another_server_with_another_model() -> None:
    stable, canary = named("canary", "Deployment", "onnx-server"), named("canary", "Deployment", "onnx-server-canary")
    assert model_of("canary", stable) == "digits@stable"
    assert model_of("canary", canary) == "digits@canary"
    for service, other in (("onnx-server", "onnx-server-canary"), ("onnx-server-canary", "onnx-server")):
        selector = named("canary", "Service", service)["spec"]["selector"]
        (selected,) = [pod for pod in pods("canary") if selects(selector, pod)]
        assert selected.owner == f"Deployment/{service}"
        assert selected.owner != f"Deployment/{other}"


def test_routes_name_services_and_ports_that_exist() -> None:
    routes = of_kind("canary", "HTTPRoute", "GRPCRoute")
    assert {route["kind"] for route in routes} == {"HTTPRoute", "GRPCRoute"}
    for route in routes:
        assert route["apiVersion"] == "gateway.networking.k8s.io/v1"
        assert route["spec"].keys() == {"parentRefs", "rules"}
        (rule,) = route["spec"]["rules"]
        assert {ref["name"]: ref["weight"] for ref in rule["backendRefs"]} == {
            "onnx-server": 90,
            "onnx-server-canary": 10,
        }
        for ref in rule["backendRefs"]:
            ports = {port["name"]: port["port"] for port in named("canary", "Service", ref["name"])["spec"]["ports"]}
            assert ref["port"] == ports[{"HTTPRoute": "rest", "GRPCRoute": "grpc"}[route["kind"]]]


def test_kserve_runs_the_same_pod_as_the_deployment() -> None:
    service = named("kubeflow", "InferenceService", "digits")["spec"]["predictor"]
    (pod,) = [pod for pod in serving_pods("kubeflow") if pod.owner == "InferenceService/digits"]
    assert pod.labels.items() >= SERVING.items()
    theirs = named("cpu", "Deployment", "onnx-server")["spec"]["template"]["spec"]
    own = {key: value for key, value in theirs.items() if key != "topologySpreadConstraints"}
    for key in own.keys() - {"containers"}:
        assert service[key] == own[key], key
    assert service["containers"][0] | {"name": "onnx-server"} == own["containers"][0]


def test_the_adapters_rule_gives_what_the_autoscalers_ask_for() -> None:
    rules = yaml.safe_load((ROOT / "k8s/components/hpa/prometheus-adapter.yaml").read_text())["rules"]["custom"]
    given = {rule["name"]["as"] for rule in rules}
    asked = {
        metric["pods"]["metric"]["name"]
        for item in of_kind("hpa", "HorizontalPodAutoscaler")
        for metric in item["spec"]["metrics"]
    }
    assert asked == given


def model_of(folder: str, deployment: Object) -> str:
    (init,) = deployment["spec"]["template"]["spec"]["initContainers"]
    (wanted,) = [entry["valueFrom"]["configMapKeyRef"] for entry in init["env"] if entry["name"] == "MODEL"]
    return str(named(folder, "ConfigMap", wanted["name"])["data"][wanted["key"]])
