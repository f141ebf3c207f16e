"""An application on several sockets at once, while a block runs."""

import socket
import struct
import threading
from pathlib import Path
from typing import Any

import pytest
import urllib3

from torchferry.serving.net.addresses import authority, listeners
from torchferry.serving.net.unix_sockets import listen_at
from torchferry.serving.torchserve.wsgi_server import MOST_OF_ONE, StartResponse, _Quiet, _Server, served
from torchferry.serving.unix_http import UnixPool


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


def reset(where: Any, sent: bytes) -> None:
    with socket.create_connection(where) as client:
        client.sendall(sent)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_client_that_goes_away_or_sends_nothing_leaves_no_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_Quiet, "timeout", 0.1)
    sockets = listeners("127.0.0.1", 0, "--port")
    where = sockets[0].getsockname()
    with served(echo, sockets, "echo"), socket.create_connection(where) as silent:
        silent.sendall(b"GET /")
        for sent in (b"", b"GE", b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"):
            reset(where, sent)
        assert silent.recv(1) == b""
        assert urllib3.request("GET", f"http://{authority(*where)}/a").status == 200
    assert capfd.readouterr().err == ""


def test_one_address_has_so_many_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    [listener] = listeners("127.0.0.1", 0, "--port")
    server = _Server(listener, echo)
    asked = ["192.0.2.1"] * MOST_OF_ONE + ["::ffff:192.0.2.1", "192.0.2.2"]
    asked += [own for own in ("127.0.0.1", "::ffff:127.0.0.1", "::1", "") for _ in range(MOST_OF_ONE + 1)]
    taken = [address for address in asked if server.verify_request(None, (address, 1))]
    assert taken == [address for address in asked if address != "::ffff:192.0.2.1"]
    monkeypatch.setattr(server, "finish_request", lambda *_: None)
    monkeypatch.setattr(server, "shutdown_request", lambda *_: None)
    server.process_request_thread(None, ("192.0.2.1", 1))
    assert server.verify_request(None, ("192.0.2.1", 1))
    assert not server.verify_request(None, ("192.0.2.1", 1))
    monkeypatch.setattr(threading, "Thread", no_thread)
    with pytest.raises(RuntimeError):
        server.process_request(None, ("192.0.2.1", 1))
    assert server.verify_request(None, ("192.0.2.1", 1))
    server.server_close()


def no_thread(**_: Any) -> None:
    raise RuntimeError("can't start new thread")


def test_it_answers_on_a_unix_socket(tmp_path: Path) -> None:
    with served(echo, [listen_at(tmp_path / "s", "--port")], "echo"):
        assert UnixPool(str(tmp_path / "s")).request("GET", "/a").data == b"/a"
