"""An application on several sockets at once, while a block runs."""

import socket
from typing import Any

import pytest
import urllib3

from torchferry.serving.net.addresses import authority, listeners
from torchferry.serving.torchserve.wsgi_server import StartResponse, served


def echo(environ: dict[str, Any], start: StartResponse) -> list[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]


def test_it_answers_on_each_socket_and_nowhere_once_the_block_has_ended() -> None:
    sockets = listeners("localhost", 0, "--port")
    asked = [authority(*listener.getsockname()[:2]) for listener in sockets]
    with served(echo, sockets, "echo"):
        assert [urllib3.request("GET", f"http://{where}/a").data for where in asked] == [b"/a"] * len(asked)
    for listener in sockets:
        assert listener.fileno() == -1
    with pytest.raises(urllib3.exceptions.NewConnectionError):
        urllib3.request("GET", f"http://{asked[0]}/a", retries=False)


def test_a_client_that_sends_nothing_holds_up_nobody() -> None:
    sockets = listeners("127.0.0.1", 0, "--port")
    where = sockets[0].getsockname()
    with served(echo, sockets, "echo"), socket.create_connection(where):
        assert urllib3.request("GET", f"http://{authority(*where)}/a").data == b"/a"
