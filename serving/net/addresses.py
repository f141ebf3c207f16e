"""Hosts as addresses, IPv4 and IPv6: what a server listens on, and how clients write it."""

import errno
import ipaddress
import os
import socket
from collections.abc import Container
from contextlib import ExitStack

from torchferry.errors import UserError

EVERY = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""Addresses that stand for all of a machine's, and the one that this machine reaches them by."""
LOCALHOST = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
"""What the name means (RFC 6761, 6.3), whatever the hosts file leaves out."""
BACKLOG = 2048
"""Connections that the kernel keeps until they are taken."""
TRIES = 20
"""To find a port that is free on each of several addresses."""


def authority(host: str, port: int) -> str:
    """host:port as URLs have it, with brackets around an IPv6 address, which may have them already."""
    host = host.removeprefix("[").removesuffix("]")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reachable(host: str) -> str:
    """Where clients of this machine ask a server that listens on `host`."""
    return EVERY.get(host, host)


def address_of(listener: socket.socket) -> str:
    """A link-local one says which link it is of."""
    return _numeric(listener.getsockname())


def is_local(listener: socket.socket) -> bool:
    """Whether only this machine reaches it."""
    if listener.family == socket.AF_UNIX:
        return True
    return ipaddress.ip_address(address_of(listener).partition("%")[0]).is_loopback


def listeners(host: str, port: int, option: str, given: Container[int] = ()) -> list[socket.socket]:
    """Sockets that listen on every address of `host`, all on one port: `port`, or for 0 one that is free and not among
    those `given`. `localhost` has an address of either family, and `::` takes IPv4 too.

    Raises UserError naming `option`.
    """
    if not 0 <= port <= 65535:
        raise UserError(f"{option}: {port} is not a port; give 0 to 65535")
    if port in given:
        raise UserError(f"{option}: {port} is another port of this server already; give one of its own")
    found = _addresses(host)
    for _ in range(TRIES):
        try:
            sockets = _listen(found, port)
        except OSError as error:
            if not port and error.errno == errno.EADDRINUSE:
                continue  # free on the first address alone
            why, way = os.strerror(error.errno or 0), "give another port, or 0 for a free one"
            raise UserError(f"{option}: cannot listen on {authority(host, port)} ({why}); {way}") from error
        if sockets[0].getsockname()[1] not in given:
            return sockets
        for listener in sockets:
            listener.close()
    raise UserError(f"{option}: found no port that is free on all addresses of {host}; give one")


def _addresses(host: str) -> list[tuple[socket.AddressFamily, str]]:
    """Each family and address once. Raises UserError."""
    if host.lower() == "localhost":
        return list(LOCALHOST)
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or "it is no host name"
        raise UserError(f"--host: '{host[:100]}' has no address ({said}); give one of this machine's") from error
    return list(dict.fromkeys((family, _numeric(where)) for family, _, _, _, where in found))


def _numeric(where: tuple) -> str:
    return socket.getnameinfo(where, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)[0]


def _listen(addresses: list[tuple[socket.AddressFamily, str]], port: int) -> list[socket.socket]:
    """On those of the addresses that this machine has: it may name ::1 and have no IPv6. Raises OSError."""
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    with ExitStack() as opened:
        for family, address in addresses:
            try:
                listener = opened.enter_context(_listener(family, address, port))
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                missing = missing or error
                continue
            sockets.append(listener)
            port = listener.getsockname()[1]
        if missing and not sockets:
            raise missing
        opened.pop_all()
    return sockets


def _listener(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    both = address == "::" and socket.has_dualstack_ipv6()
    where = socket.getaddrinfo(address, port, family, socket.SOCK_STREAM)[0][4]
    return socket.create_server(where, family=family, backlog=BACKLOG, dualstack_ipv6=both)
