"""The metrics are at one path, for GET alone, in the form that is asked for."""

import asyncio
import itertools
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import Counter, generate_latest
from prometheus_client.core import GaugeMetricFamily

from tests.serving.onnx_server.in_process import Line
from tests.serving.wire import in_loop
from torchferry.serving.net.auth import Access
from torchferry.serving.onnx_server.http.metrics_page import FORMS, MetricsPage
from torchferry.serving.onnx_server.http.request import HttpRequest
from torchferry.serving.onnx_server.telemetry.families import Family, Reading, Registry
from torchferry.serving.onnx_server.turns import Turns


def health(request: HttpRequest) -> None:
    request.answer(200, request.path.encode())


@pytest.fixture
def page() -> MetricsPage:
    registry = Registry()
    Counter("cats", "Seen so far", registry=registry).inc(3)
    return MetricsPage(registry, Turns(), Access(None), health)


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
    assert (said.status, said.json["detail"]) == (
        404,
        "metrics are at /metrics, health is at /v2/health/live and /v2/health/ready",
    )


@in_loop
@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/ping"])
async def test_health_is_answered_and_nothing_else_of_rest(page: MetricsPage, path: str) -> None:
    line = Line(page)
    said = await line.ask(path, method="GET")
    assert (said.status, said.body.decode()) == (200, path)
    for other in ("/v2", "/openapi.json", "/v2/models/digits/ready"):
        assert (await line.ask(other, method="GET")).status == 404


@in_loop
async def test_another_method_is_not_allowed(page: MetricsPage) -> None:
    said = await Line(page).ask("/metrics", method="POST")
    assert (said.status, said.headers["allow"]) == (405, "GET")


@in_loop
async def test_two_who_ask_at_once_get_one_page_and_who_comes_later_the_next(page: MetricsPage) -> None:
    asked = itertools.count(1)
    family = Family(lambda: GaugeMetricFamily("reads", "How often it was read", labels=["by"]), page.registry)
    family.rows["us",] = Reading(["us"], lambda: next(asked))
    lines = [Line(page) for _ in range(2)]
    await lines[0].ask("/metrics", method="GET")  # which reads it twice, to have the text around it
    said = [said.body for said in await asyncio.gather(*(line.ask("/metrics", method="GET") for line in lines))]
    assert said[0] == said[1]
    assert b'reads{by="us"} 3.0\n' in said[0]
    assert b'reads{by="us"} 4.0\n' in (await lines[0].ask("/metrics", method="GET")).body


@in_loop
async def test_a_page_that_cannot_be_written_is_tried_again(page: MetricsPage) -> None:
    broken = [True]
    family = Family(lambda: GaugeMetricFamily("reads", "Now", labels=["by"]), page.registry)
    family.rows["us",] = Reading(["us"], lambda: 1 // (1 - broken[0]))
    assert (await Line(page).ask("/metrics", method="GET")).status == 500
    broken[0] = False
    assert (await Line(page).ask("/metrics", method="GET")).status == 200


@in_loop
async def test_a_long_page_comes_whole_and_others_are_served_meanwhile(page: MetricsPage) -> None:
    family = Family(lambda: GaugeMetricFamily("long", "A long one", labels=["number"]), page.registry)
    for number in range(1000):
        family.rows[str(number),] = Reading([1000 * f"{number} "], partial(float, number))
    rounds = 0

    async def count() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    said = await Line(page).ask("/metrics", method="GET")
    counting.cancel()
    assert said.body == generate_latest(page.registry)
    assert rounds > 3


@in_loop
async def test_not_every_content_type_is_kept(page: MetricsPage) -> None:
    for minor in range(3 * FORMS):
        accepted = f"application/openmetrics-text; version=1.{minor}.0"
        assert (await Line(page).ask("/metrics", method="GET", Accept=accepted)).status == 200
    assert len(page.forms) == FORMS
    assert not page.being_written


@in_loop
async def test_it_can_ask_for_a_token(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("prometheus s-prometheus\n")
    line = Line(MetricsPage(Registry(), Turns(), Access(tmp_path / "tokens", "--metrics-tokens"), health))
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        refused = await line.ask("/metrics", method="GET", **headers)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert (await line.ask("/metrics", method="GET", Authorization="Bearer s-prometheus")).status == 200
