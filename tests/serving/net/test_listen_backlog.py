"""A listening socket that is shut before it is closed resets nobody who stood before it."""

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.waiting import wait_until
from torchferry.serving.net.addresses import listeners
from torchferry.serving.net.listen_backlog import shut, waiting


@pytest.fixture(params=["127.0.0.1", "::1"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    try:
        with listeners(request.param, 0, "--port")[0] as listener:
            yield listener
    except OSError:
        pytest.skip(f"this machine has no {request.param}")


def test_who_waits_is_served_and_who_comes_later_is_refused(listener: socket.socket) -> None:
    address = listener.getsockname()[:2]
    early = [socket.create_connection(address) for _ in range(3)]
    assert waiting(listener) == 3
    shut(listener)
    refused = threading.Event()

    def come_late() -> None:
        try:
            socket.create_connection(address, timeout=30).close()
        except ConnectionRefusedError:
            refused.set()

    late = threading.Thread(target=come_late)
    late.start()
    for client in early:
        server, _ = listener.accept()
        client.sendall(b"ask")
        assert server.recv(3) == b"ask"
        server.sendall(b"say")
        server.close()
    wait_until(lambda: waiting(listener) == 0)
    listener.close()
    assert [client.recv(3) for client in early] == [b"say"] * 3
    late.join()
    assert refused.is_set()
    for client in early:
        client.close()
