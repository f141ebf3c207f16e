"""Ports to listen on, checked before a server is started on them."""

import socket

from serving.errors import UserError


def claim(host: str, port: int, option: str) -> int:
    """`port`, or a free one for 0; raises UserError naming `option` if it is taken or `host` is not ours."""
    if not 0 <= port <= 65535:
        raise UserError(f"{option}: {port} is not a port; give 0 to 65535")
    try:
        return _bind(host, port)
    except OSError as error:
        raise UserError(
            f"{option}: cannot listen on {host}:{port} ({error.strerror}); give another port, or 0 for a free one"
        ) from error


def claim_or_any(host: str, port: int) -> int:
    """`port` if it is free, another one otherwise: for a port that only this process needs to know."""
    return port if is_free(host, port) else _bind(host, 0)


def is_free(host: str, port: int) -> bool:
    try:
        return _bind(host, port) == port
    except OSError:
        return False


def _bind(host: str, port: int) -> int:
    """The port that a socket on `host` gets; it is closed again. Raises OSError."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do it, so that connections of an earlier server that are still closing do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        return int(probe.getsockname()[1])
