"""A client is the address that connects, or the one that a trusted proxy names; whatever else is said is nothing."""

import pytest

from torchferry.serving.net.clients import HOPS, Clients


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("", ""),
    ],
)
def test_a_client_is_its_address_and_of_ipv6_its_network(host: str, name: str) -> None:
    peer = Clients().peer(host)
    assert (peer.name, peer.share, peer.client("")) == (name, name, name)


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        ("ipv4:192.0.2.7:567", "192.0.2.7"),
        ("ipv6:%5B2001:db8::1%5D:567", "2001:db8::/64"),
        ("ipv6:[::ffff:192.0.2.7]:567", "192.0.2.7"),
        ("unix:", ""),
        ("unix:/a/path", ""),
        ("something else", ""),
    ],
)
def test_a_caller_is_read_as_either_library_writes_it(peer: str, name: str) -> None:
    assert Clients().caller(peer).name == name


@pytest.mark.parametrize("trusted", [(), ("10.0.0.0/8",), ("::/0",)])
def test_what_an_untrusted_peer_says_is_nothing(trusted: tuple[str, ...]) -> None:
    peer = Clients(trusted).peer("192.0.2.7")
    assert peer.client("203.0.113.5") == "192.0.2.7"


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("1.1.1.1, 203.0.113.5", "203.0.113.5"),
        ("1.1.1.1,203.0.113.5 , 10.0.0.2,10.9.9.9", "203.0.113.5"),
        ("203.0.113.5:1234", "203.0.113.5"),
        ("[2001:db8::1]:1234", "2001:db8::/64"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("203.0.113.5, unknown", "10.0.0.1"),
        ("203.0.113.5,", "10.0.0.1"),
        ("203.0.113.5, 10.0.0.2, 999.1.1.1", "10.0.0.1"),
        ("a" * 100_000, "10.0.0.1"),
        ("203.0.113.5" + ", 10.0.0.2" * (HOPS - 1), "203.0.113.5"),
        ("", "10.0.0.1"),
    ],
)
def test_a_trusted_proxy_names_its_client_and_nobody_else_can(forwarded: str, client: str) -> None:
    peer = Clients(("10.0.0.0/8",)).peer("10.0.0.1")
    for _ in range(2):  # it is remembered
        assert peer.client(forwarded) == client
    assert (peer.client(""), peer.share) == ("10.0.0.1", "")


def test_no_more_proxies_are_looked_through_than_so_many() -> None:
    peer = Clients(("10.0.0.0/8",)).peer("10.0.0.1")
    assert peer.client("203.0.113.5" + ", 10.0.0.2" * 30_000) == "10.0.0.2"


def test_networks_of_either_kind_are_trusted() -> None:
    clients = Clients(("fd00::/8", "192.0.2.7"))
    assert [clients.peer(host).is_proxy for host in ("fd00::1", "192.0.2.7", "::ffff:192.0.2.7", "192.0.2.8")] == [
        True,
        True,
        True,
        False,
    ]
