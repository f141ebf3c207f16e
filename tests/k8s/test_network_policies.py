"""The connections that the component network-policy allows, evaluated as a network plugin would."""

from typing import Any

import pytest

from tests.k8s.rendering import Object, Pod, containers, of_kind, pods, selects

FOLDER = "cpu"
CLIENT = Pod("a client", {"torchferry/client": "true"}, {})
STRANGER = Pod("a stranger", {"app.kubernetes.io/name": "other"}, {})
PROMETHEUS = Pod(
    "Prometheus", {"app.kubernetes.io/name": "prometheus", "app.kubernetes.io/component": "monitoring"}, {}
)
HERE, GATEWAY, ELSEWHERE = "torchferry", "gateway", "elsewhere"
NAMESPACES = {
    HERE: {"kubernetes.io/metadata.name": HERE},
    GATEWAY: {"kubernetes.io/metadata.name": GATEWAY, "torchferry/client": "true"},
    ELSEWHERE: {"kubernetes.io/metadata.name": ELSEWHERE},
    "kube-system": {"kubernetes.io/metadata.name": "kube-system"},
    "observing": {"torchferry/monitoring": "true"},
}


def pod_of(component: str, name: str = "") -> Pod:
    wanted = {"app.kubernetes.io/component": component} | ({"app.kubernetes.io/name": name} if name else {})
    return next(pod for pod in pods(FOLDER) if selects(wanted, pod))


def allowed(direction: str, pod: Pod, peer: Pod, space: str, port: int) -> bool:
    """Whether `pod`, of our namespace, may be reached by `peer` or reach it."""
    policies = [
        item["spec"]
        for item in of_kind(FOLDER, "NetworkPolicy")
        if selects(item["spec"]["podSelector"].get("matchLabels", {}), pod) and direction in item["spec"]["policyTypes"]
    ]
    side = {"Ingress": ("ingress", "from"), "Egress": ("egress", "to")}[direction]
    rules = [rule for policy in policies for rule in policy.get(side[0], [])]
    return not policies or any(_matches(rule, side[1], peer, space, port) for rule in rules)


def _matches(rule: Object, side: str, peer: Pod, space: str, port: int) -> bool:
    ports = [each["port"] for each in rule.get("ports", [])]
    return (not ports or port in ports) and (
        side not in rule or any(_is_peer(each, peer, space) for each in rule[side])
    )


def _is_peer(wanted: dict[str, Any], peer: Pod, space: str) -> bool:
    spaces = wanted["namespaceSelector"]["matchLabels"] if "namespaceSelector" in wanted else NAMESPACES[HERE]
    labels = wanted["podSelector"]["matchLabels"] if "podSelector" in wanted else {}
    return NAMESPACES[space].items() >= spaces.items() and selects(labels, peer)


@pytest.mark.parametrize("name", ["torchserve", "onnx-server"])
@pytest.mark.parametrize("port", [8080, 7070])
def test_clients_reach_the_servers(name: str, port: int) -> None:
    server = pod_of("serving", name)
    assert allowed("Ingress", server, CLIENT, HERE, port)
    assert allowed("Ingress", server, STRANGER, GATEWAY, port)
    assert not allowed("Ingress", server, STRANGER, HERE, port)
    assert not allowed("Ingress", server, CLIENT, ELSEWHERE, port)
    assert not allowed("Ingress", server, PROMETHEUS, HERE, port)


@pytest.mark.parametrize(("component", "port"), [("serving", 8082), ("training", 9400)])
def test_prometheus_reads_metrics_and_nobody_else(component: str, port: int) -> None:
    pod = pod_of(component)
    assert allowed("Ingress", pod, PROMETHEUS, HERE, port)
    assert allowed("Ingress", pod, STRANGER, "observing", port)
    assert not allowed("Ingress", pod, CLIENT, HERE, port)
    assert not allowed("Ingress", pod, PROMETHEUS, ELSEWHERE, port)


def test_training_pods_reach_each_other_at_any_port() -> None:
    pod = pod_of("training")
    assert allowed("Ingress", pod, pod, HERE, 43211)
    assert allowed("Egress", pod, pod, HERE, 43211)
    assert not allowed("Egress", pod, STRANGER, HERE, 43211)
    assert not allowed("Ingress", pod, pod_of("serving"), HERE, 43211)
    assert not allowed("Ingress", pod, pod, ELSEWHERE, 43211)


@pytest.mark.parametrize("component", ["serving", "training"])
def test_all_may_ask_name_servers_and_nothing_else(component: str) -> None:
    pod, names = pod_of(component), Pod("kube-dns", {"k8s-app": "kube-dns"}, {})
    assert allowed("Egress", pod, names, "kube-system", 53)
    assert not allowed("Egress", pod, names, ELSEWHERE, 53)
    assert not allowed("Egress", pod, names, "kube-system", 443)
    assert not allowed("Egress", pod, STRANGER, ELSEWHERE, 443)


def test_a_pod_that_nobody_thought_of_is_shut() -> None:
    assert not allowed("Ingress", STRANGER, CLIENT, HERE, 80)
    assert not allowed("Egress", STRANGER, CLIENT, HERE, 80)


def test_every_port_that_a_pod_of_ours_offers_is_open_to_somebody() -> None:
    numbers = {port["containerPort"] for container in containers(FOLDER) for port in container.get("ports", [])}
    peers = [*pods(FOLDER), CLIENT, PROMETHEUS]
    open_to = {
        number
        for number in numbers
        for pod in pods(FOLDER)
        if any(allowed("Ingress", pod, peer, HERE, number) for peer in peers)
    }
    assert open_to == numbers
