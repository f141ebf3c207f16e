"""The autoscalers' queries, on a Prometheus that has scraped both servers under load."""

import json
import math
import os
import shutil
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from tests.commands import ROOT
from tests.k8s.rendering import of_kind
from tests.ports import free_port
from tests.server import Server
from tests.waiting import wait_until

pytestmark = pytest.mark.server

SPACE = "torchferry"
PODS = {"onnx-server": "onnx-server-7d4b9c6f5-x2x8k", "torchserve": "torchserve-68c5d7b9f4-9qk2p"}
MODELS = {"onnx-server": "digits", "torchserve": "digits-onnx-fp32"}
# A minute in a cluster; here the range is as long as the load, so that a test need not last a minute.
RANGE, SECONDS = "[1m]", 5
CLIENTS = 6
BODY = json.dumps(
    {"inputs": [{"name": "image", "shape": [1, 1, 8, 8], "datatype": "UINT8", "data": [0] * 64}]}
).encode()


@dataclass
class Prometheus:
    url: str

    def ask(self, query: str) -> dict[str, float]:
        """The values of the answer by pod."""
        asked = f"{self.url}/api/v1/query?query={urllib.parse.quote(query.replace(RANGE, f'[{SECONDS}s]'))}"
        with urllib.request.urlopen(asked, timeout=10) as answer:
            found = json.load(answer)["data"]["result"]
        return {each["metric"].get("pod", ""): float(each["value"][1]) for each in found}


@pytest.fixture(scope="module")
def servers(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, str]]]:
    """Where both answer, by the name that they have in the cluster."""
    if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip("nginx is missing; TorchServe's pods have it, and it says when a request came")
    onnx_server = Server(bundle, folder=tmp_path_factory.mktemp("onnx-server"), runtime="onnx")
    torchserve = Server(bundle, folder=tmp_path_factory.mktemp("torchserve"), options=["--gateway", "nginx"])
    try:
        yield {"torchserve": torchserve.wait_ready(), "onnx-server": onnx_server.wait_ready()}
    finally:
        onnx_server.stop()
        torchserve.stop()


@pytest.fixture(scope="module")
def prometheus(servers: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("prometheus is missing; Debian's package has it")
    folder, port = tmp_path_factory.mktemp("prometheus"), free_port()
    targets = [
        {"targets": [servers[name]["metrics"].split("/")[2]], "labels": {"namespace": SPACE, "pod": PODS[name]}}
        for name in PODS
    ]
    config = {
        "global": {"scrape_interval": "500ms"},
        "scrape_configs": [{"job_name": "torchferry", "static_configs": targets}],
    }
    (folder / "prometheus.yml").write_text(yaml.dump(config))
    command = [binary, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=subprocess.STDOUT
        )
    found = Prometheus(f"http://127.0.0.1:{port}")
    try:
        wait_until(lambda: reachable(found))
        wait_until(lambda: sum(found.ask("up").values()) == len(PODS))
        yield found
    finally:
        process.terminate()
        process.wait(30)


def reachable(prometheus: Prometheus) -> bool:
    try:
        prometheus.ask("up")
    except OSError:
        return False
    return True


@contextmanager
def load(address: str, model: str, clients: int) -> Iterator[None]:
    """So many requests at a time for as long as Prometheus looks back, and on while the block runs."""
    over = threading.Event()

    def ask() -> None:
        with urllib3.PoolManager(retries=False) as pool:
            while not over.is_set():
                answer = pool.request("POST", f"{address}/v2/models/{model}/infer", body=BODY, timeout=20)
                assert answer.status == 200, answer.data

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    time.sleep(SECONDS + 1)
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def adapters_query(pods: str) -> str:
    """The rule's query as prometheus-adapter fills it in for these pods."""
    rules = yaml.safe_load((ROOT / "k8s/components/hpa/prometheus-adapter.yaml").read_text())["rules"]["custom"]
    (rule,) = rules
    matchers = f'namespace="{SPACE}",pod=~"{pods}"'
    return str(rule["metricsQuery"]).replace("<<.LabelMatchers>>", matchers).replace("<<.GroupBy>>", "pod")


def kedas_query(name: str) -> str:
    (scaled,) = [item for item in of_kind("keda", "ScaledObject") if item["metadata"]["name"] == name]
    assert scaled["metadata"]["namespace"] == SPACE
    return str(scaled["spec"]["triggers"][0]["metadata"]["query"])


def target(name: str) -> float:
    (scaler,) = [item for item in of_kind("hpa", "HorizontalPodAutoscaler") if item["metadata"]["name"] == name]
    (metric,) = scaler["spec"]["metrics"]
    return float(metric["pods"]["target"]["averageValue"].removesuffix("m")) / 1000


def test_a_server_that_has_answered_nothing_yet_counts_as_idle(prometheus: Prometheus) -> None:
    # Its histogram has no series before the first answer; without the gauge the autoscaler would know nothing of it.
    assert prometheus.ask(adapters_query(PODS["onnx-server"])) == {PODS["onnx-server"]: 0}


@pytest.mark.parametrize("name", PODS)
def test_load_asks_for_more_pods_and_silence_for_none(
    name: str, servers: dict[str, dict[str, str]], prometheus: Prometheus
) -> None:
    pod, query = PODS[name], adapters_query("|".join(PODS.values()))
    with load(servers[name]["rest"], MODELS[name], CLIENTS):
        busy, busy_by_keda = prometheus.ask(query), prometheus.ask(kedas_query(name))
    other = next(each for each in PODS.values() if each != pod)
    assert pods_for(busy[pod], target(name)) > 1
    assert busy[pod] < CLIENTS * 1.2  # no more can be in flight than were sent; a rate is extrapolated
    assert busy[other] < 0.1
    assert busy_by_keda[""] == pytest.approx(busy[pod], rel=0.5)
    time.sleep(SECONDS + 2)
    assert prometheus.ask(query)[pod] == 0
    assert prometheus.ask(kedas_query(name)) == {"": 0}


def pods_for(value: float, wanted: float) -> int:
    """As many as the autoscaler would have of one."""
    return math.ceil(value / wanted)


def test_both_autoscalers_aim_at_the_same() -> None:
    for name in PODS:
        (scaled,) = [item for item in of_kind("keda", "ScaledObject") if item["metadata"]["name"] == name]
        threshold: Any = scaled["spec"]["triggers"][0]["metadata"]["threshold"]
        assert float(threshold) == target(name)
