"""A host's addresses are all listened on, on one port, and written as URLs have them."""

import errno
import os
import socket
from contextlib import ExitStack

import pytest

from torchferry.errors import UserError
from torchferry.serving.net.addresses import authority, is_local, listeners, reachable

V4, V6 = "127.0.0.1", "::1"


def listening(host: str) -> set[str]:
    """Which of this machine's own addresses lead to it."""
    opened = listeners(host, 0, "--port")
    port, found = opened[0].getsockname()[1], set()
    assert {listener.getsockname()[1] for listener in opened} == {port}
    for address in (V4, V6):
        try:
            socket.create_connection((address, port), timeout=20).close()
            found.add(address)
        except ConnectionRefusedError:
            pass
    for listener in opened:
        listener.close()
    return found


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("127.0.0.1", {V4}),
        ("0.0.0.0", {V4}),
        ("::1", {V6}),
        ("::", {V4, V6}),
        ("localhost", {V4, V6}),
        ("LOCALHOST", {V4, V6}),
    ],
)
def test_each_address_of_a_host_is_listened_on(host: str, found: set[str]) -> None:
    assert listening(host) == found


def test_a_port_that_is_taken_on_one_of_the_addresses_is_refused_and_nothing_is_left_open() -> None:
    with socket.create_server((V6, 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        for host in ("localhost", "::", "::1"):
            with pytest.raises(UserError, match=rf"^--port: cannot listen on .*:{port} \(.*in use\); give another"):
                listeners(host, port, "--port")
        socket.create_server((V4, port)).close()


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_another_machine_is_refused(host: str) -> None:
    with pytest.raises(UserError, match=os.strerror(errno.EADDRNOTAVAIL)):
        listeners(host, 0, "--port")


@pytest.mark.parametrize("host", ["256.0.0.1.", "no host", "a" * 300])
def test_what_is_no_host_is_one_line(host: str) -> None:
    with pytest.raises(UserError, match=r"^--host: '.*' has no address") as refused:
        listeners(host, 0, "--port")
    assert len(str(refused.value)) < 300


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert [authority(host, 80) for host in ("::1", "[::1]", "a.example", V4)] == [
        "[::1]:80",
        "[::1]:80",
        "a.example:80",
        "127.0.0.1:80",
    ]


@pytest.mark.parametrize(
    ("host", "alone"), [("localhost", True), ("127.1.2.3", True), ("::1", True), ("0.0.0.0", False), ("::", False)]
)
def test_only_this_machine_reaches_what_listens_on_loopback(host: str, alone: bool) -> None:
    with ExitStack() as opened:
        found = [opened.enter_context(each) for each in listeners(host, 0, "--port")]
        assert {is_local(each) for each in found} == {alone}
    with socket.socket(socket.AF_UNIX) as unix:
        assert is_local(unix)


def test_who_listens_everywhere_is_asked_on_loopback() -> None:
    assert [reachable(host) for host in ("0.0.0.0", "::", "a.example")] == [V4, V6, "a.example"]
