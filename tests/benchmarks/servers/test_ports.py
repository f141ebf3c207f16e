"""Ports: a free one can be listened on, and who listens is found."""

import socket

from torchferry.benchmarks.servers.ports import free_port, listens


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listener:
        assert listens(listener.getsockname()[1]) is True


def test_a_port_that_is_taken_but_not_listened_on_is_not_ready() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert listens(bound.getsockname()[1]) is None
