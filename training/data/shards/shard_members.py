"""Reads the headers of a tar file: its members and their places, and whether it is whole."""

import os
import tarfile
from pathlib import PurePosixPath
from typing import BinaryIO, NamedTuple

from torchferry.errors import UserError

BLOCK = 512
PADDING = 1 << 20
"""So much may follow the end of a tar file; GNU's and Python's write 10 KiB."""
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


class Member(NamedTuple):
    name: str
    offset: int
    size: int
    """Bytes."""


def read_members(file: BinaryIO) -> tuple[list[Member], str]:
    """Files that are not hidden, in their order; and how the tar file ends early, in words, or "".

    Raises UserError for a compressed file, tarfile.ReadError for one that is no tar file.
    """
    head = file.read(BLOCK)
    for magic, name in COMPRESSED.items():
        if head.startswith(magic):
            raise UserError(
                f"is compressed with {name}; samples are read at their places, so unpack it to a plain .tar"
            )
    size = file.seek(0, os.SEEK_END)
    if not size:
        return [], "is empty"
    file.seek(0)
    members: list[Member] = []
    last = "its beginning"
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            for header in tar:
                tar.members = []  # type: ignore[attr-defined]  # it would keep all of them
                last = header.name
                if header.isreg() and not PurePosixPath(header.name).name.startswith(("__", ".")):
                    members.append(Member(header.name, header.offset_data, header.size))
            return members, _end(file, tar.offset, size, last)
    except tarfile.ReadError:
        if last == "its beginning":
            raise
        return members, f"ends early, inside {last}"


def _end(file: BinaryIO, offset: int, size: int, last: str) -> str:
    """tarfile stops alike at the mark of the end, at the end of the file and at a header that it cannot read."""
    file.seek(offset)
    block = file.read(BLOCK)
    if not block:
        return f"ends early, after {last}, without the mark of a tar file's end"
    if len(block) < BLOCK:
        return f"ends early, inside a header after {last}"
    if block.strip(b"\0"):
        return f"has a damaged header after {last}"
    if file.read(min(PADDING, size - offset - BLOCK)).strip(b"\0"):
        return f"goes on behind the mark of its end, after {last}; tar files cannot be joined like that"
    return ""
