"""The endpoint is on a port that is free, and stays for a scrape where one is to be expected."""

import socket
import struct
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge

from tests.waiting import wait_until
from torchferry.errors import UserError
from torchferry.training.config.recipe import MetricsConfig
from torchferry.training.telemetry.endpoint import LINGER_SECONDS, Endpoint, stay


@pytest.fixture
def registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("loss", "Loss", registry=registry).set(0.5)
    return registry


@pytest.fixture
def patient(registry: CollectorRegistry) -> Iterator[Endpoint]:
    """One that would stay for a day."""
    endpoint = Endpoint(MetricsConfig(port=0, linger_seconds=86_400), registry)
    yield endpoint
    endpoint.close()


def asked(endpoint: Endpoint, method: str = "GET", **headers: str) -> bytes:
    assert endpoint.url is not None
    request = urllib.request.Request(endpoint.url, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return bytes(answer.read())


def lingering(endpoint: Endpoint, ended: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=endpoint.linger, args=("digits", ended.is_set))
    thread.start()
    wait_until(lambda: endpoint.complete)
    return thread


def test_it_stays_until_the_last_values_were_scraped(patient: Endpoint, capsys: pytest.CaptureFixture[str]) -> None:
    asked(patient)  # of values that were not the last
    thread = lingering(patient, threading.Event())
    assert thread.is_alive()
    assert b"loss 0.5" in asked(patient)
    thread.join(30)
    assert not thread.is_alive()
    assert capsys.readouterr().out == (
        f"digits: metrics stay on {patient.url} until they are scraped, 86400 s at the most\n"
    )


def test_a_signal_ends_it_at_once(patient: Endpoint) -> None:
    ended = threading.Event()
    thread = lingering(patient, ended)
    assert thread.is_alive()
    ended.set()
    thread.join(30)
    assert not thread.is_alive()


def test_a_health_check_is_no_scrape(patient: Endpoint) -> None:
    thread = lingering(patient, ended := threading.Event())
    assert asked(patient, "OPTIONS") == b""
    assert (thread.is_alive(), patient.scraped) == (True, False)
    ended.set()
    thread.join(30)


def test_it_can_ask_for_a_token(registry: CollectorRegistry, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s-prometheus\n")
    endpoint = Endpoint(MetricsConfig(port=0, token_file=str(tmp_path / "token")), registry)
    try:
        with pytest.raises(urllib.error.HTTPError) as refused:
            asked(endpoint)
        refused.value.close()
        assert (refused.value.code, refused.value.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert (asked(endpoint, "OPTIONS"), endpoint.scraped) == (b"", False)
        assert b"loss 0.5" in asked(endpoint, Authorization="Bearer s-prometheus")
        assert endpoint.scraped
    finally:
        endpoint.close()


def test_a_client_that_goes_away_or_sends_nothing_leaves_no_line(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torchferry.training.telemetry.endpoint.IDLE_SECONDS", 0.1)
    endpoint = Endpoint(MetricsConfig(port=0), registry)
    where = ("127.0.0.1", endpoint.serving[0][0].server_port)
    with socket.create_connection(where) as silent:
        silent.sendall(b"GET /")
        with socket.create_connection(where) as gone:
            gone.sendall(b"GE")
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert silent.recv(1) == b""
        assert b"loss 0.5" in asked(endpoint)
    endpoint.close()
    assert capfd.readouterr().err == ""


def test_its_limit_ends_it_and_0_never_waits(registry: CollectorRegistry, capsys: pytest.CaptureFixture[str]) -> None:
    for seconds in (0.01, 0):
        endpoint = Endpoint(MetricsConfig(port=0, linger_seconds=seconds), registry)
        endpoint.linger("digits", lambda: False)
        endpoint.close()
    assert capsys.readouterr().out.count("until they are scraped") == 1


def test_nobody_waits_by_default_where_nobody_has_scraped_this_machines_own_address(
    registry: CollectorRegistry, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = Endpoint(MetricsConfig(port=0), registry)
    endpoint.linger("digits", lambda: pytest.fail("it waits"))
    endpoint.close()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("given", "up", "scraped", "local", "terminal", "seconds"),
    [
        (None, 6, False, True, False, 0),  # a laptop
        (None, 6, True, True, False, LINGER_SECONDS),  # a laptop with a Prometheus
        (None, 6, True, True, True, LINGER_SECONDS),
        (None, 6, False, False, False, LINGER_SECONDS - 6),  # a short Job, before Prometheus has found it
        (None, 600, False, False, False, 0),  # a long one in a cluster without
        (None, 6, False, False, True, 0),  # a container on a terminal
        (0, 6, True, False, False, 0),
        (20, 600, False, True, True, 20),
    ],
)
def test_it_waits_where_that_helps(
    given: float | None, up: float, scraped: bool, local: bool, terminal: bool, seconds: float
) -> None:
    assert stay(given, up=up, scraped=scraped, local=local, terminal=terminal) == seconds


def test_a_port_in_use_moves_to_a_free_one(
    registry: CollectorRegistry, free_port_in_use: int, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint = Endpoint(MetricsConfig(port=free_port_in_use), registry)
    try:
        assert b"loss 0.5" in asked(endpoint)
        assert capsys.readouterr().err == (
            f"torchferry: metrics.port: cannot listen on 127.0.0.1:{free_port_in_use} (Address already in use); "
            f"metrics are on port {endpoint.serving[0][0].server_port} instead\n"
        )
    finally:
        endpoint.close()


def test_a_port_that_is_taken_on_one_of_the_addresses_is_taken(registry: CollectorRegistry) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        endpoint = Endpoint(MetricsConfig(host="localhost", port=port), registry)
        assert b"loss 0.5" in asked(endpoint)
        assert port not in {server.server_port for server, _ in endpoint.serving}
        endpoint.close()


def test_where_no_port_can_be_had_there_is_no_endpoint(
    registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def none_left(*_: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("torchferry.training.telemetry.endpoint.start_http_server", none_left)
    endpoint = Endpoint(MetricsConfig(port=9400), registry)
    endpoint.linger("digits", lambda: pytest.fail("it waits"))
    endpoint.close()
    assert endpoint.url is None
    assert capsys.readouterr().err == (
        "torchferry: metrics.port: cannot listen on 127.0.0.1:9400 (Too many open files), nor on any other port; "
        "nobody can scrape this run\n"
    )


@pytest.mark.parametrize("host", ["256.0.0.1.", "a" * 70, "192.0.2.1"])
def test_a_host_that_is_none_is_refused(host: str, registry: CollectorRegistry) -> None:
    with pytest.raises(UserError, match=f"metrics.host: cannot listen on {host} "):
        Endpoint(MetricsConfig(host=host, port=0), registry)


def test_an_address_of_ipv6_is_one(registry: CollectorRegistry) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    endpoint = Endpoint(MetricsConfig(host="::1", port=0), registry)
    assert b"loss 0.5" in asked(endpoint)
    endpoint.close()


@pytest.mark.parametrize("host", ["::", "localhost"])
def test_both_families_are_answered_where_the_host_means_both(host: str, registry: CollectorRegistry) -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    endpoint = Endpoint(MetricsConfig(host=host, port=0), registry)
    try:
        for address in ("127.0.0.1", "[::1]"):
            url = f"http://{address}:{endpoint.serving[0][0].server_port}/metrics"
            with urllib.request.urlopen(url, timeout=30) as answer:
                assert b"loss 0.5" in answer.read()
    finally:
        endpoint.close()
