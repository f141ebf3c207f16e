"""Every pod is admitted by a namespace that enforces the restricted standard, and the check that says so can say no."""

import copy
from typing import Any

import pytest

from tests.k8s.rendering import each_folder, each_whole_folder, of_kind, pods
from tests.k8s.restricted import violations
from tests.some import some

GOOD: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "volumes": [{"name": "tmp", "emptyDir": {}}],
    "containers": [
        {
            "name": "one",
            "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            "livenessProbe": {"httpGet": {"path": "/", "port": 80}},
        }
    ],
}
BAD: dict[str, dict[str, Any]] = {
    "hostNetwork": {"hostNetwork": True},
    "volume host": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]},
    "sysctl kernel.msgmax": {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
    "pod: runs as root": {"securityContext": {"runAsUser": 0}},
    "pod: seccomp is off": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
    "one: may run as root": {"securityContext": {"runAsNonRoot": None}},
    "one: no seccomp profile": {"securityContext": {"seccompProfile": None}},
}
BAD_CONTAINER: dict[str, dict[str, Any]] = {
    "one: privileged": {"securityContext": {"privileged": True}},
    "one: may escalate": {"securityContext": {"allowPrivilegeEscalation": None}},
    "one: capabilities": {"securityContext": {"capabilities": {"drop": ["ALL"], "add": ["IPC_LOCK"]}}},
    "one: procMount": {"securityContext": {"procMount": "Unmasked"}},
    "one: runs as root": {"securityContext": {"runAsUser": 0}},
    "one: SELinux options": {"securityContext": {"seLinuxOptions": {"type": "spc_t"}}},
    "one: AppArmor is off": {"securityContext": {"appArmorProfile": {"type": "Unconfined"}}},
    "one: hostProcess": {"securityContext": {"windowsOptions": {"hostProcess": True}}},
    "one: hostPort": {"ports": [{"containerPort": 80, "hostPort": 80}]},
    "one: asks another host": {"livenessProbe": {"httpGet": {"path": "/", "port": 80, "host": "10.0.0.1"}}},
}


@each_folder
def test_pods_keep_the_standard(folder: str) -> None:
    assert {pod.owner: found for pod in pods(folder) if (found := violations(pod.spec))} == {}


@each_whole_folder
def test_namespaces_enforce_it(folder: str) -> None:
    for space in some(of_kind(folder, "Namespace")):
        assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_good_pod_has_no_violations() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_pod_is_found(reason: str) -> None:
    assert violations(merged(GOOD, BAD[reason])) == [reason]


@pytest.mark.parametrize("reason", BAD_CONTAINER)
def test_a_bad_container_is_found(reason: str) -> None:
    assert violations(GOOD | {"containers": [merged(GOOD["containers"][0], BAD_CONTAINER[reason])]}) == [reason]


def merged(good: dict[str, Any], bad: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(good)
    for key, value in bad.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result
