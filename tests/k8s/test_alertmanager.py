"""Debian's Alertmanager with our configuration and the manifest's arguments: which alerts hide which others."""

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest
import urllib3

from tests.commands import ROOT
from tests.k8s.test_monitoring_manifests import monitoring_pods
from tests.ports import free_port
from tests.waiting import wait_until

CONFIGURATION = ROOT / "k8s/base/monitoring/alertmanager/alertmanager.yml"

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus-alertmanager") is None, reason="Debian's prometheus-alertmanager is missing"
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, starts_server: None) -> Iterator[str]:
    """Of one that is ready."""
    folder = tmp_path_factory.mktemp("alertmanager")
    url = f"http://127.0.0.1:{free_port()}"
    (container,) = monitoring_pods()["alertmanager"].containers
    places = {"/etc/alertmanager/alertmanager.yml": str(CONFIGURATION), "/alertmanager": str(folder / "storage")}
    arguments = [
        f"{key}={places.get(value, value)}" for key, _, value in (text.partition("=") for text in container["args"])
    ]
    command = ["prometheus-alertmanager", *arguments, f"--web.listen-address={url.removeprefix('http://')}"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until(lambda: process.poll() is not None or answers(url + container["readinessProbe"]["httpGet"]["path"]))
        assert process.poll() is None, (folder / "log").read_text()
        yield url
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str) -> bool:
    try:
        return urllib3.request("GET", url, retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False


def fire(url: str, name: str, **labels: str) -> None:
    subprocess.run(
        ["amtool", f"--alertmanager.url={url}", "alert", "add", name, *(f"{k}={v}" for k, v in labels.items())],
        check=True,
    )


def told(url: str) -> set[tuple[str, str]]:
    """Name and job of the alerts that no other one hides."""
    command = ["amtool", f"--alertmanager.url={url}", "--output=json", "alert", "query", "--active"]
    found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return {(alert["labels"]["alertname"], alert["labels"]["job"]) for alert in found}


def test_where_nobody_answers_slow_answers_are_no_news(url: str) -> None:
    for job in ("onnx-server", "torchserve"):
        for name in ("HighErrorRatio", "QueueGrowing", "LatencyBudgetBurnsFast", "LatencyBudgetBurnsSlowly"):
            fire(url, f"Torchferry{name}", namespace="models", job=job, model="digits")
    fire(url, "TorchferryNoReadyWorkers", namespace="models", job="torchserve")
    quiet = {("TorchferryNoReadyWorkers", "torchserve")}
    others = {
        (f"Torchferry{name}", "onnx-server") for name in ("HighErrorRatio", "QueueGrowing", "LatencyBudgetBurnsFast")
    }
    wait_until(lambda: told(url) == quiet | others)
