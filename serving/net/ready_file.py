"""The file that says where a server answers; it is there from when every model is ready until the server stops."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torchferry.errors import UserError
from torchferry.files import write_whole


def check_ready_file(path: Path | None) -> None:
    """Raises UserError if it could not be written. What a server that was killed has left goes."""
    if not path:
        return
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f"--ready-file: {path} cannot be a file; give a path in a folder that exists")
    path.unlink(missing_ok=True)


@contextmanager
def ready_file(path: Path | None, addresses: Mapping[str, Any]) -> Iterator[None]:
    """The addresses as JSON at `path` while the block runs; nothing without a path."""
    if path:
        write_whole(path, json.dumps(addresses) + "\n")
    try:
        yield
    finally:
        if path:
            path.unlink(missing_ok=True)
