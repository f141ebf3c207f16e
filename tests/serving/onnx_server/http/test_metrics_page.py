"""The metrics are at one path, for GET alone, in the form that is asked for."""

import pytest
from prometheus_client import Counter

from tests.serving.onnx_server.in_process import Line
from tests.serving.wire import in_loop
from torchferry.serving.onnx_server.http.metrics_page import MetricsPage
from torchferry.serving.onnx_server.telemetry.families import Registry
from torchferry.serving.onnx_server.turns import Turns


@pytest.fixture
def page() -> MetricsPage:
    registry = Registry()
    Counter("cats", "Seen so far", registry=registry).inc(3)
    return MetricsPage(registry, Turns())


@in_loop
async def test_the_page_has_what_was_counted(page: MetricsPage) -> None:
    said = await Line(page).ask("/metrics", method="GET")
    assert (said.status, said.headers["content-type"].partition(";")[0]) == (200, "text/plain")
    assert b"cats_total 3.0\n" in said.body


@in_loop
async def test_openmetrics_is_given_to_who_asks_for_it(page: MetricsPage) -> None:
    said = await Line(page).ask("/metrics", method="GET", Accept="application/openmetrics-text; version=1.0.0")
    assert said.headers["content-type"].startswith("application/openmetrics-text")
    assert said.body.endswith(b"# EOF\n")


@in_loop
async def test_another_path_says_where_the_metrics_are(page: MetricsPage) -> None:
    said = await Line(page).ask("/", method="GET")
    assert (said.status, said.body) == (404, b"metrics are at /metrics\n")


@in_loop
async def test_another_method_is_not_allowed(page: MetricsPage) -> None:
    said = await Line(page).ask("/metrics", method="POST")
    assert (said.status, said.headers["allow"]) == (405, "GET")
