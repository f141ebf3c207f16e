"""The metrics reach a Pushgateway as its protocol says, and one that is gone ends nothing."""

import base64

import pytest
from prometheus_client import CollectorRegistry, Gauge

from tests.ports import free_port
from tests.training.telemetry.listener import listening
from tests.waiting import wait_until
from torchferry.training.telemetry.pushgateway import pushes

SECRET = "pa:ss@word"


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("torchferry_train_loss", "Mean training loss", registry=registry).set(0.5)
    return registry


def test_all_metrics_replace_the_group_of_the_run(registry: CollectorRegistry) -> None:
    with listening() as gateway:
        pushed = pushes(f"{gateway.url}/prefix", "digits", registry)
        pushed.wake()
        wait_until(lambda: len(gateway.requests) == 1)
        pushed.finish()
    first, last = gateway.requests
    assert (first.method, first.path) == ("PUT", "/prefix/metrics/job/torchferry/run/digits")
    assert "torchferry_train_loss 0.5\n" in last.body
    assert "authorization" not in first.headers


def test_a_user_and_password_are_used_and_never_said(
    registry: CollectorRegistry, capfd: pytest.CaptureFixture[str]
) -> None:
    with listening() as gateway:
        gateway.status = 500
        pushes(gateway.url.replace("//", "//who:pa%3Ass%40word@"), "digits", registry).finish()
    scheme, _, given = gateway.requests[0].headers["authorization"].partition(" ")
    assert (scheme, base64.b64decode(given).decode()) == ("Basic", f"who:{SECRET}")
    errors = capfd.readouterr().err
    assert errors == (
        f"torchferry: metrics.pushgateway: {gateway.url}: HTTP Error 500: Internal Server Error; "
        "training goes on without\n"
    )


def test_a_gateway_that_is_not_there_is_one_line(
    registry: CollectorRegistry, capfd: pytest.CaptureFixture[str]
) -> None:
    pushed = pushes(f"http://who:secret@127.0.0.1:{free_port()}", "digits", registry)
    pushed.wake()
    wait_until(lambda: pushed.fails)
    pushed.finish()
    errors = capfd.readouterr().err
    assert errors.count("\n") == 1
    assert "refused" in errors
    assert "secret" not in errors


def test_without_an_address_nothing_is_pushed(registry: CollectorRegistry) -> None:
    pushed = pushes(None, "digits", registry)
    pushed.wake()
    pushed.finish()
