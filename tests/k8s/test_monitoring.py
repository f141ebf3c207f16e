"""Every query of a dashboard or an alert finds something in a Prometheus that has scraped all there is, under load."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.k8s.monitoring.queries import Query, of_alerts, of_panels, of_variables
from tests.k8s.monitoring.scraped import NAMESPACE, Prometheus, is_number, loaded, trainer
from tests.server import Server
from tests.serving.texts_bundle import written_texts
from tests.some import some

pytestmark = [pytest.mark.server, pytest.mark.torchrun]

QUERIES = [*of_panels(), *of_variables(), *of_alerts()]
PATIENCE_SECONDS = 20


@pytest.fixture(scope="module")
def prometheus(
    addresses: dict[str, str], bundle: Path, samples: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    folder = tmp_path_factory.mktemp("monitoring")
    images = [path.read_bytes() for path in sorted(samples.glob("*/*.png"))[::10]]
    unequal = written_texts(folder)
    server = Server(bundle, unequal.root, folder=folder, runtime="onnx", options=("--cache-bytes", 10**6))
    try:
        onnx = server.wait_ready()
        with trainer(folder) as train:
            targets = {"torchserve": addresses["metrics"], "onnx-server": onnx["metrics"], "train": train}
            scraping = Prometheus(folder, targets)
            try:
                scraping.wait_scraped(len(targets))
                with loaded(addresses, onnx, images):
                    scraping.wait_answers(QUERIES, PATIENCE_SECONDS)
                    yield scraping
            finally:
                scraping.stop()
    finally:
        server.stop()


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_it_finds_something(prometheus: Prometheus, query: Query) -> None:
    found = prometheus.query_until(query.expr, bool)
    assert found, query.expr
    # An alert may compare what is no number while nothing waits.
    assert any(map(is_number, found)) or query.where.startswith("Torchferry"), query.expr
    for selector in query.selectors:
        assert prometheus.query_until(selector, bool), f"{selector} in {query.expr}"


def test_a_metric_with_another_name_is_missed(prometheus: Prometheus) -> None:
    for query in some(QUERIES):
        for selector in query.selectors:
            name = selector.partition("{")[0]
            assert prometheus.query(selector.replace(name, f"{name}_renamed")) == []
    assert {query.where for query in QUERIES if not query.selectors} == {
        "overview: Alerts firing A",
        "overview: $namespace",
    }


def test_both_servers_give_what_serving_shows(prometheus: Prometheus) -> None:
    """But for the few panels of what only one has."""
    ours = ["session_memory", "cache", "model_load", "model_broken"]
    ours += ["axis_size", "elements", "padding_elements"]  # of the one model here whose samples have unequal sizes
    alone = ("process_", *(f"torchferry_serve_{name}" for name in ours))
    for query in some(QUERIES):
        for selector in query.selectors:
            if "serve_" in selector and not selector.startswith((*alone, "torchferry_serve_build")):
                needs = {"onnx-server"} if "server_error" in selector else {"onnx-server", "torchserve"}
                assert jobs(prometheus.query_until(selector, has(needs))) >= needs, selector


def has(needs: set[str]) -> Callable[[list[Any]], bool]:
    return lambda found: jobs(found) >= needs


def jobs(found: list[Any]) -> set[str]:
    return {series["metric"]["job"] for series in found}


def test_nothing_fires_that_should_not(prometheus: Prometheus) -> None:
    firing = prometheus.query('ALERTS{alertstate="firing"}')
    # Each of the load's rounds has one request that cannot meet its deadline, which are more than 1 %.
    assert {found["metric"]["alertname"] for found in firing} <= {"TorchferryHighErrorRatio", "TorchferryNonFiniteLoss"}
    assert all(found["metric"]["namespace"] == NAMESPACE for found in prometheus.query("up"))
