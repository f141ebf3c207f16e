"""The component prometheus-operator beside what it scrapes, as a cluster would get both."""

from typing import Any

import pytest

from tests.k8s.monitoring.queries import MONITORING
from tests.k8s.rendering import Object, of_kind, pods, selects
from tests.k8s.test_schemas import definitions

OPERATOR = "prometheus-operator"


def of_operator() -> list[Object]:
    return of_kind(OPERATOR, "ServiceMonitor", "PodMonitor", "PrometheusRule")


def test_the_operators_objects_are_valid() -> None:
    assert len(of_operator()) == 4
    if not definitions():
        pytest.skip("their definitions are missing: ../shared/schemas")
    for item in of_operator():
        definitions()[item["apiVersion"], item["kind"]].validate(item)


def test_monitors_select_every_port_called_metrics() -> None:
    monitors: dict[str, Any] = {item["kind"]: item["spec"] for item in of_operator() if "Monitor" in item["kind"]}
    wanted = monitors["ServiceMonitor"]["selector"]["matchLabels"].items()
    services = [item for item in of_kind(OPERATOR, "Service") if item["metadata"]["labels"].items() >= wanted]
    assert {service["metadata"]["name"] for service in services} == {"torchserve", "onnx-server"}
    for service in services:
        assert monitors["ServiceMonitor"]["endpoints"][0]["port"] in {port["name"] for port in service["spec"]["ports"]}
        assert service["metadata"]["labels"][monitors["ServiceMonitor"]["jobLabel"]] == service["metadata"]["name"]
    selected = [pod for pod in pods(OPERATOR) if selects(monitors["PodMonitor"]["selector"]["matchLabels"], pod)]
    assert [pod.owner for pod in selected] == ["Job/train"]
    assert "metrics" in {port["name"] for port in selected[0].spec["containers"][0]["ports"]}


def test_the_operators_grafana_gets_the_dashboards() -> None:
    (found,) = [item for item in of_kind(OPERATOR, "ConfigMap") if item["metadata"]["name"] == "torchferry-dashboards"]
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert found["data"] == {path.name: path.read_text() for path in (MONITORING / "dashboards").glob("*.json")}
