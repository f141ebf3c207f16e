"""Files that are either whole or absent, and their checksums."""

import hashlib
import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes, mode: int = 0o666) -> None:
    """Write to a temporary sibling, flush it to the disk, then rename it. Text is UTF-8; `mode` is less the umask."""
    sibling = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(sibling, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        flush(sibling)
        sibling.replace(path)
    except BaseException:
        sibling.unlink(missing_ok=True)
        raise
    flush(path.parent)


def flush(path: Path) -> None:
    """fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(path: Path) -> str:
    """In hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
