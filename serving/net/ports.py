"""Ports to listen on, checked before a server is started on them."""

import socket
from collections.abc import Container

from torchferry.errors import UserError


def listen(host: str, port: int, option: str) -> socket.socket:
    """A socket that listens on `port`, or for 0 on a free one. Raises UserError naming `option`."""
    if not 0 <= port <= 65535:
        raise UserError(f"{option}: {port} is not a port; give 0 to 65535")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise UserError(
            f"{option}: cannot listen on {host}:{port} ({error.strerror}); give another port, or 0 for a free one"
        ) from error


def claim(host: str, port: int, option: str, given: Container[int] = ()) -> int:
    """`port`, or for 0 a free one that is not among those `given` already.

    Raises UserError naming `option` if it is taken, or if `host` is not an address of this machine.
    """
    if not 0 <= port <= 65535:
        raise UserError(f"{option}: {port} is not a port; give 0 to 65535")
    if port in given:
        raise UserError(f"{option}: {port} is another port of this server already; give one of its own")
    try:
        while (claimed := _bind(host, port)) in given:
            pass
        return claimed
    except OSError as error:
        raise UserError(
            f"{option}: cannot listen on {host}:{port} ({error.strerror}); give another port, or 0 for a free one"
        ) from error


def claim_or_any(host: str, port: int, given: Container[int] = ()) -> int:
    """`port` if it is free, another one otherwise: for a port that only this process needs to know."""
    return claim(host, port if port not in given and is_free(host, port) else 0, "", given)


def is_free(host: str, port: int) -> bool:
    try:
        return _bind(host, port) == port
    except OSError:
        return False


def _bind(host: str, port: int) -> int:
    """The port that a socket on `host` gets; it is closed again. Raises OSError."""
    with socket.socket() as probe:
        # As servers do it, so that connections of an earlier server that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])
