"""What hosts mean for who listens, and how they are written for who asks."""

import socket

import pytest

from torchferry.errors import UserError
from torchferry.serving.net.addresses import authority, listeners, reachable


def asked(host: str, port: int = 0) -> list[tuple[str, int]]:
    sockets = listeners(host, port, "--port")
    found = [listener.getsockname()[:2] for listener in sockets]
    for listener in sockets:
        listener.close()
    return found


def test_an_ipv6_address_has_brackets_in_front_of_a_port() -> None:
    written = [authority(host, 80) for host in ("127.0.0.1", "::1", "[::1]", "localhost")]
    assert written == ["127.0.0.1:80", "[::1]:80", "[::1]:80", "localhost:80"]


def test_whoever_listens_everywhere_is_asked_on_loopback() -> None:
    assert [reachable(host) for host in ("0.0.0.0", "::", "10.0.0.7")] == ["127.0.0.1", "::1", "10.0.0.7"]


def test_localhost_is_both_families_on_one_port() -> None:
    found = asked("localhost")
    assert {host for host, _ in found} == {"127.0.0.1", "::1"}
    assert len({port for _, port in found}) == 1


def test_all_of_ipv6_takes_ipv4_too() -> None:
    [listener] = listeners("::", 0, "--port")
    with listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port)).close()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "0.0.0.0"])
def test_an_address_is_itself(host: str) -> None:
    [(found, _)] = asked(host)
    assert found == host


def test_a_port_that_is_taken_in_one_family_is_taken() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match=rf"^--port: cannot listen on localhost:{port} \(.*in use\)"):
            asked("localhost", port)
        assert asked("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("no.such.invalid", "--host: 'no.such.invalid' has no address"),
        ("a" * 300, "has no address (it is no host name)"),
        ("192.0.2.1", "--port: cannot listen on 192.0.2.1:0 (Cannot assign requested address)"),
    ],
)
def test_a_host_that_is_not_this_machines_is_refused(host: str, words: str) -> None:
    with pytest.raises(UserError) as refused:
        asked(host)
    assert words in str(refused.value)
