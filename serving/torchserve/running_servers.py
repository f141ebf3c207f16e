"""Files that tell commands on the same machine of a running server, one for each management port."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

import psutil

from torchferry.errors import UserError
from torchferry.files import write_whole


@dataclass(frozen=True)
class RunningServer:
    pid: int
    store: str
    """The folder whose archives it loads."""
    failures: str
    """Where a model that cannot be loaded leaves the reason."""
    rest: str
    metrics: str
    threads: int
    """Of each worker."""
    key: str
    """For its management and metrics ports; nobody but its user can read the file."""
    trusted: list[str] = field(default_factory=list)
    """The keys' files, by one of which an archive has to be signed, if there are any."""
    broken: dict[str, str] = field(default_factory=dict)
    """NAME@VERSION of what could not be loaded at the start, and why."""

    @classmethod
    def find(cls, port: int) -> Self:
        """The server whose management API is on `port` of this machine. Raises UserError."""
        path = _file(port)
        try:
            found = cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            found = None
        if found is None or not psutil.pid_exists(found.pid):
            raise UserError(
                f"--management-port: no server of ours runs here with its management on {port}; "
                "torchferry up --runtime torchserve says which port it has"
            )
        return found


@contextmanager
def announced(port: int, running: RunningServer) -> Iterator[None]:
    """It can be found while the block runs."""
    path = _file(port)
    write_whole(path, json.dumps(asdict(running)), mode=0o600)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _file(port: int) -> Path:
    return Path(tempfile.gettempdir(), f"torchferry-torchserve-{port}.json")
