"""HTTP over a unix socket, for urllib3."""

import socket
from typing import Any

import urllib3


class UnixConnection(urllib3.connection.HTTPConnection):
    """Takes besides `path`, where the socket is."""

    def __init__(self, *given: Any, path: str, **named: Any) -> None:
        super().__init__(*given, **named)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        try:
            self.sock.settimeout(self.timeout if isinstance(self.timeout, int | float) else None)
            self.sock.connect(self.path)
        except OSError as error:
            self.close()
            raise urllib3.exceptions.NewConnectionError(self, str(error)) from error


class UnixPool(urllib3.HTTPConnectionPool):
    ConnectionCls = UnixConnection

    def __init__(self, path: str, **named: Any) -> None:
        super().__init__("localhost", path=path, **named)
