"""The file that an option names, for a result to be written to."""

from pathlib import Path

from torchferry import files
from torchferry.errors import UserError


def write_whole(path: Path, content: str, option: str) -> None:
    """As UTF-8, whole or not at all. Raises UserError, with the option that named the path."""
    # A name of a class may hold half a letter, which JSON can say and UTF-8 cannot.
    written = content.encode("utf-8", "replace")
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):  # such as /dev/stdout, which has to stay
            path.write_bytes(written)
        else:
            files.write_whole(path, written)
    except OSError as error:
        raise UserError(f"{option}: {path} cannot be written ({error.strerror})") from error
