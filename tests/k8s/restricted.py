"""The `restricted` Pod Security Standard, as far as a pod's spec can break it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/, and image volumes, which admission lets pass since
1.33.
"""

from collections.abc import Iterator
from typing import Any

Object = dict[str, Any]
VOLUMES = {
    *("configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"),
    *("image", "persistentVolumeClaim", "projected", "secret"),
}
SYSCTLS = {
    *("kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start"),
    *("net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports"),
    *("net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl"),
    *("net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"),
}
SELINUX_TYPES = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
KINDS_OF_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
PROBES = ("startup", "readiness", "liveness")


def violations(spec: Object) -> list[str]:
    return list(_violations(spec))


def _violations(spec: Object) -> Iterator[str]:
    pod = spec.get("securityContext") or {}
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key):
            yield key
    for sysctl in pod.get("sysctls", []):
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    for volume in spec.get("volumes", []):
        if not volume.keys() & VOLUMES:
            yield f"volume {volume['name']}"
    yield from (f"pod: {reason}" for reason in _of_both(pod))
    for kind in KINDS_OF_CONTAINERS:
        for container in spec.get(kind, []):
            yield from (f"{container['name']}: {reason}" for reason in _of_container(container, pod))


def _of_both(context: Object) -> Iterator[str]:
    """What is forbidden in the context of a pod and of a container alike."""
    if context.get("runAsUser") == 0:
        yield "runs as root"
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield "hostProcess"
    if (context.get("appArmorProfile") or {"type": "RuntimeDefault"})["type"] == "Unconfined":
        yield "AppArmor is off"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type", "") not in SELINUX_TYPES or selinux.get("user") or selinux.get("role"):
        yield "SELinux options"
    if (context.get("seccompProfile") or {"type": "RuntimeDefault"})["type"] == "Unconfined":
        yield "seccomp is off"


def _of_container(container: Object, pod: Object) -> Iterator[str]:
    context = container.get("securityContext") or {}
    capabilities = context.get("capabilities") or {}
    yield from _of_both(context)
    if context.get("privileged"):
        yield "privileged"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "may escalate"
    if "ALL" not in capabilities.get("drop", []) or set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities"
    if context.get("procMount", "Default") != "Default":
        yield "procMount"
    if context.get("runAsNonRoot", pod.get("runAsNonRoot")) is not True:
        yield "may run as root"
    if "type" not in (context.get("seccompProfile") or pod.get("seccompProfile") or {}):
        yield "no seccomp profile"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield "hostPort"
    if any("host" in handler for handler in _handlers(container)):
        yield "asks another host"


def _handlers(container: Object) -> Iterator[Object]:
    """Of probes and of what happens at start and stop."""
    actions = [*container.get("lifecycle", {}).values(), *(container.get(f"{name}Probe") for name in PROBES)]
    for action in filter(None, actions):
        yield from (action[kind] for kind in ("httpGet", "tcpSocket") if kind in action)
