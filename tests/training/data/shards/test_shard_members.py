"""Where members lie, and each way in which a tar file is not whole."""

import bz2
import gzip
import io
import lzma
import tarfile

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.shards.shard_members import Member, read_members


def tar(*names: str, size: int = 700) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as written:
        for name in names:
            header = tarfile.TarInfo(name)
            header.size = size
            written.addfile(header, io.BytesIO(b"x" * size))
    return buffer.getvalue()


WHOLE = tar("a.png", "a.cls")
"""512 bytes of header and 1,024 of data for each of the two, then the mark of the end."""


def read(data: bytes) -> tuple[list[str], str]:
    members, end = read_members(io.BytesIO(data))
    return [member.name for member in members], end


def test_members_are_files_that_are_not_hidden() -> None:
    assert read_members(io.BytesIO(WHOLE)) == ([Member("a.png", 512, 700), Member("a.cls", 2048, 700)], "")
    assert read(tar(".a.png", "__info__.cls", "x/._a.png", "b.png")) == (["b.png"], "")
    assert read(tar()) == ([], "")


@pytest.mark.parametrize(
    ("length", "names", "end"),
    [
        (1536, ["a.png"], "ends early, after a.png, without the mark of a tar file's end"),
        (1537, ["a.png"], "ends early, inside a header after a.png"),
        (1536 + 511, ["a.png"], "ends early, inside a header after a.png"),
        (1536 + 512, ["a.png", "a.cls"], "ends early, inside a.cls"),
        (1536 + 512 + 699, ["a.png", "a.cls"], "ends early, inside a.cls"),
        (3072, ["a.png", "a.cls"], "ends early, after a.cls, without the mark of a tar file's end"),
        (3072 + 512, ["a.png", "a.cls"], ""),
        (0, [], "is empty"),
    ],
)
def test_a_tar_file_cut_anywhere_is_told(length: int, names: list[str], end: str) -> None:
    assert read(WHOLE[:length]) == (names, end)


def test_a_damaged_header_in_the_middle_is_told() -> None:
    damaged = bytearray(WHOLE)
    damaged[1536 + 148 : 1536 + 156] = b"garbage!"
    assert read(bytes(damaged)) == (["a.png"], "has a damaged header after a.png")


def test_joined_tar_files_are_told() -> None:
    assert read(WHOLE + tar("b.png")) == (
        ["a.png", "a.cls"],
        "goes on behind the mark of its end, after a.cls; tar files cannot be joined like that",
    )


@pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "gzip"), (bz2.compress, "bzip2"), (lzma.compress, "xz")])
def test_a_compressed_tar_is_refused_by_name(pack: object, name: str) -> None:
    words = refusal(lambda: read(pack(WHOLE)))  # type: ignore[operator]
    assert words == f"is compressed with {name}; samples are read at their places, so unpack it to a plain .tar"


def test_what_is_no_tar_file_is_an_error() -> None:
    with pytest.raises(tarfile.ReadError):
        read(b"no tar file" * 100)
