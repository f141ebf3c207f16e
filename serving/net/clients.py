"""Tells clients apart, wherever they have shares: by the address that they connect from, or that a trusted proxy names.

An IPv6 client is its /64, which is what one subscriber is given; a link's own addresses are each for itself. Clients of
a unix socket have no address: together they are one, without a name.
"""

import functools
import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import unquote

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

HEADER = "x-forwarded-for"
HOPS = 16
"""Proxies behind each other that are looked through."""
WITH_PORT = re.compile(r"\[([^]]+)](?::\d{1,5})?|([\d.]+):\d{1,5}")
LONGEST = 64
"""Letters of an address, its port included."""


class Clients:
    def __init__(self, trusted: Iterable[str] = ()) -> None:
        """`trusted`: addresses and networks of proxies whose X-Forwarded-For counts."""
        self.trusted = [ipaddress.ip_network(each) for each in trusted]
        self.caller = functools.lru_cache(4096)(self._caller)
        """Who is behind a peer as gRPC writes it; that is one string for each connection."""

    def peer(self, host: str) -> "Peer":
        address = _address(host)
        return Peer(self, _name(address), is_proxy=address is not None and self._trusts(address))

    def behind(self, forwarded: str) -> str:
        """The client that X-Forwarded-For names: the last that is no trusted proxy, or the first if all are. Empty
        where it cannot be read."""
        address = None
        for text in reversed(forwarded.rsplit(",", HOPS)[-HOPS:]):
            address = _address(text.strip()) if len(text) <= LONGEST else None
            if address is None or not self._trusts(address):
                break
        return _name(address)

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self.trusted)

    def _caller(self, peer: str) -> "Peer":
        """`peer`: `ipv4:10.0.0.1:50`, `ipv6:%5B::1%5D:50`, `ipv6:[::1]:50` or `unix:`."""
        return self.peer(unquote(peer.partition(":")[2]))


class Peer:
    """The far end of a connection."""

    __slots__ = ("clients", "forwarded", "is_proxy", "name", "named")

    def __init__(self, clients: Clients, name: str, *, is_proxy: bool) -> None:
        self.clients, self.name, self.is_proxy = clients, name, is_proxy
        self.forwarded, self.named = "", name
        """What X-Forwarded-For was last, and whom it named."""

    @property
    def share(self) -> str:
        """Whose connection it is; many are a proxy's, and of nobody's share."""
        return "" if self.is_proxy else self.name

    def client(self, forwarded: str) -> str:
        """Whose a request with this X-Forwarded-For is."""
        if not (self.is_proxy and forwarded):
            return self.name
        if forwarded != self.forwarded:
            self.forwarded, self.named = forwarded, self.clients.behind(forwarded) or self.name
        return self.named


@functools.lru_cache(4096)
def _address(text: str) -> Address | None:
    if found := WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _name(address: Address | None) -> str:
    if isinstance(address, ipaddress.IPv6Address) and not address.is_link_local:
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address or "")
