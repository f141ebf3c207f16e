"""Ports for servers that cannot choose one themselves."""

import socket


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool | None:
    """True if somebody listens there, None until then."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0 or None
