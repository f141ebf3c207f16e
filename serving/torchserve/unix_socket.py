"""HTTP over a unix socket, by urllib3."""

import socket
from pathlib import Path
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection


class UnixPool(urllib3.HTTPConnectionPool):
    """Requests name a path alone: `pool.request("GET", "/models")`."""

    def __init__(self, path: Path, **given: Any) -> None:
        super().__init__("localhost", **given)
        self.path = path

    def _new_conn(self) -> HTTPConnection:
        return _UnixConnection(self.path, timeout=self.timeout.connect_timeout)


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, **given: Any) -> None:
        super().__init__("localhost", **given)
        self.path = path

    def _new_conn(self) -> socket.socket:
        connected = socket.socket(socket.AF_UNIX)
        try:
            connected.settimeout(self.timeout if isinstance(self.timeout, float | int) else None)
            connected.connect(str(self.path))
        except OSError as error:
            connected.close()
            raise urllib3.exceptions.NewConnectionError(self, f"{self.path}: {error.strerror}") from error
        return connected
