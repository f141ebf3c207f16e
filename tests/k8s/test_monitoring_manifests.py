"""base/monitoring as a cluster gets it with the overlay cpu."""

import re
from pathlib import Path

import yaml

from tests.commands import ROOT
from tests.k8s.monitoring.queries import RULES, alerts
from tests.k8s.rendering import Object, Pod, named, of_kind, pods, selects
from tests.k8s.test_monitoring_rules import promtool
from tests.some import some

FOLDER = "cpu"
NAMES = ["alertmanager", "grafana", "prometheus"]


def monitoring_pods() -> dict[str, Pod]:
    found = {pod.labels["app.kubernetes.io/name"]: pod for pod in pods(FOLDER) if is_monitoring(pod.labels)}
    assert sorted(found) == NAMES
    return found


def is_monitoring(labels: dict[str, str]) -> bool:
    return labels["app.kubernetes.io/component"] == "monitoring"


def config_map(name: str) -> dict[str, str]:
    (found,) = [item for item in of_kind(FOLDER, "ConfigMap") if item["metadata"]["name"].startswith(name)]
    return dict(found["data"])


def prometheus_settings() -> Object:
    return dict(yaml.safe_load(config_map("prometheus-config")["prometheus.yml"]))


def test_images_are_of_one_version_and_answer_three_probes() -> None:
    for pod in some(monitoring_pods().values()):
        (container,) = pod.containers
        assert re.fullmatch(r"(prom|grafana)/[a-z]+:v?\d+\.\d+\.\d+", container["image"])
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
        assert pod.spec["securityContext"]["runAsUser"] == 1000


def test_images_are_those_of_compose() -> None:
    compose = (ROOT / "docker/compose.yaml").read_text()
    for pod in some(monitoring_pods().values()):
        assert f":-{pod.containers[0]['image']}}}" in compose


def test_only_prometheus_has_a_token_and_it_may_only_find_pods() -> None:
    assert all(pod.spec["automountServiceAccountToken"] is False for pod in pods(FOLDER))
    tokens = [pod.owner for pod in pods(FOLDER) if "serviceAccountToken" in str(pod.spec.get("volumes"))]
    assert tokens == ["Deployment/prometheus"]
    assert monitoring_pods()["prometheus"].spec["serviceAccountName"] == "prometheus"
    role = named(FOLDER, "Role", "prometheus")
    assert role["rules"] == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]}]
    binding = named(FOLDER, "RoleBinding", "prometheus")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "prometheus", "namespace": "torchferry"}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    rules = config_map("prometheus-rules")
    assert rules == {path.name: path.read_text() for path in RULES}
    for name, text in rules.items():
        (tmp_path / name).write_text(text)
    settings = prometheus_settings()
    assert settings["rule_files"] == ["/etc/prometheus/rules/*.yaml"]
    settings["rule_files"] = [f"{tmp_path}/*.yaml"]
    # Debian's Prometheus is built without it.
    found = settings["scrape_configs"][0].pop("kubernetes_sd_configs")
    assert found == [{"role": "pod", "namespaces": {"own_namespace": True}}]
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(settings))
    promtool("check", "config", tmp_path / "prometheus.yml")


def test_prometheus_finds_what_has_a_metrics_port_and_gives_it_the_labels_of_the_rules() -> None:
    (scraped,) = prometheus_settings()["scrape_configs"]
    targets = {rule["target_label"] for rule in scraped["relabel_configs"] if "target_label" in rule}
    assert targets == {"job", "namespace", "pod", "instance", "__scheme__"}
    kept = [rule["regex"] for rule in scraped["relabel_configs"] if rule.get("action") == "keep"]
    assert kept == ["torchferry;metrics", "Running"]
    with_metrics = {
        pod.labels["app.kubernetes.io/name"]
        for pod in pods(FOLDER)
        if pod.labels["app.kubernetes.io/part-of"] == "torchferry"
        and any(port["name"] == "metrics" for container in pod.containers for port in container.get("ports", []))
    }
    assert with_metrics == {"train", "torchserve", "onnx-server"}


def test_alertmanager_tells_a_receiver_that_exists_and_knows_its_alerts() -> None:
    settings = yaml.safe_load(config_map("alertmanager-config")["alertmanager.yml"])
    assert settings["route"]["receiver"] in {receiver["name"] for receiver in settings["receivers"]}
    names = {alert["alert"] for alert in alerts()}
    for rule in settings["inhibit_rules"]:
        for matcher in [*rule["source_matchers"], *rule["target_matchers"]]:
            (patterns,) = re.findall(r'^alertname =~? "?([^"]+)"?$', matcher)
            for pattern in patterns.split("|"):
                assert any(re.fullmatch(pattern, name) for name in names), pattern


def test_each_is_asked_where_it_answers() -> None:
    grafana = yaml.safe_load(config_map("grafana-provisioning")["datasource.yaml"])["datasources"][0]["url"]
    alerting = prometheus_settings()["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"][0]
    for address in (grafana.removeprefix("http://"), alerting):
        name, _, port = address.partition(":")
        service = named(FOLDER, "Service", name)["spec"]
        (selected,) = [pod for pod in pods(FOLDER) if selects(service["selector"], pod)]
        assert [each["port"] for each in service["ports"]] == [int(port)]
        assert [each["containerPort"] for each in selected.containers[0]["ports"]] == [int(port)]


def test_grafana_gets_the_dashboards_and_nobody_logs_in() -> None:
    (grafana,) = monitoring_pods()["grafana"].containers
    provider = yaml.safe_load(config_map("grafana-provisioning")["dashboards.yaml"])["providers"][0]
    folder = provider["options"]["path"]
    assert folder in {mount["mountPath"] for mount in grafana["volumeMounts"]}
    said = {entry["name"]: entry["value"] for entry in grafana["env"]}
    assert said["GF_AUTH_DISABLE_LOGIN_FORM"] == said["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert said["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    dashboards = config_map("torchferry-dashboards")
    assert dashboards.keys() == {f"{name}.json" for name in ("overview", "serving", "training")}
    assert said["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == f"{folder}/overview.json"
