"""Files that are either whole or absent, and their checksums."""

import hashlib
import os
from pathlib import Path


def write_whole(path: Path, content: str) -> None:
    """Write to a temporary sibling, flush it to the disk, then rename it."""
    sibling = path.with_name(f".{path.name}.{os.getpid()}")
    sibling.write_text(content)
    flush(sibling)
    sibling.replace(path)
    flush(path.parent)


def flush(path: Path) -> None:
    """fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
