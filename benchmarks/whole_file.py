"""Files that a command writes whole or not at all."""

import os
from pathlib import Path

from torchferry.errors import UserError


def write_whole(path: Path, content: str, option: str) -> None:
    """As UTF-8: beside its place, then renamed. Raises UserError, with the option that named the path."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    # A name of a class may hold half a letter, which JSON can say and UTF-8 cannot.
    written = content.encode("utf-8", "replace")
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):  # such as /dev/stdout, which has to stay
            path.write_bytes(written)
            return
        try:
            unfinished.write_bytes(written)
            os.replace(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(f"{option}: {path} cannot be written ({error.strerror})") from error
