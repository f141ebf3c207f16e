"""Ports to listen on, checked before a server is started on them."""

from collections.abc import Container
from contextlib import ExitStack

from torchferry.errors import UserError
from torchferry.serving.net.addresses import listeners


def claim(host: str, port: int, option: str, given: Container[int] = ()) -> int:
    """`port`, or for 0 a free one that is not among those `given` already; on every address of `host`.

    Raises UserError naming `option` if it is taken, or if `host` is not an address of this machine.
    """
    with ExitStack() as closed:
        first, *_ = [closed.enter_context(listener) for listener in listeners(host, port, option, given)]
        return int(first.getsockname()[1])


def claim_or_any(host: str, port: int, given: Container[int] = ()) -> int:
    """`port` if it is free, another one otherwise: for a port that only this process needs to know."""
    return claim(host, port if port not in given and is_free(host, port) else 0, "", given)


def is_free(host: str, port: int) -> bool:
    try:
        return claim(host, port, "") == port
    except UserError:
        return False
