"""Unix sockets: files that only this machine's users connect to, as far as the files' permissions let them."""

import socket
import stat
from pathlib import Path

from torchferry.errors import UserError
from torchferry.serving.net.addresses import BACKLOG

SCHEME = "unix:"
"""Before a socket's path, where clients take an address; gRPC's own word."""


def listen_at(path: Path, option: str) -> socket.socket:
    """A socket that listens there. Raises UserError naming `option`."""
    free(path, option)
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(path))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _wrong(path, option, str(error.strerror or error)) from error
    return listener


def free(path: Path, option: str) -> None:
    """Remove what a server that was killed has left there. Raises UserError if it is something else."""
    try:
        is_socket = stat.S_ISSOCK(path.stat(follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _wrong(path, option, str(error.strerror)) from error
    if not is_socket:
        raise _wrong(path, option, "it is there, and no socket")
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _wrong(path, option, str(error.strerror or error)) from error
    else:
        raise _wrong(path, option, "a server listens there")


def _wrong(path: Path, option: str, why: str) -> UserError:
    return UserError(f"{option}: cannot listen at {path} ({why}); give the path of a new file of at most 107 bytes")
