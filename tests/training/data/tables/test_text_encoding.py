"""Bytes become text: compression by the first bytes, encoding by the byte-order mark."""

import bz2
import gzip
import io
import lzma
import zipfile

import pyarrow as pa
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.tables.text_encoding import decoded, uncompressed


def zipped(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, "text")
    return held.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"text",
        gzip.compress(b"te", mtime=0) + gzip.compress(b"xt", mtime=0),
        bz2.compress(b"text"),
        lzma.compress(b"text"),
        pa.Codec("zstd").compress(b"text").to_pybytes(),
        pa.Codec("lz4").compress(b"text").to_pybytes(),
        zipped("a.csv"),
        zipped("folder/", "folder/a.csv"),
    ],
)
def test_every_compression_is_undone(data: bytes) -> None:
    assert uncompressed(data, "t") == b"text"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (gzip.compress(b"text" * 99, mtime=0)[:-9], "t: is cut or damaged: EOFError: "),
        (gzip.compress(b"text", mtime=0)[:-8] + b"12345678", "t: is cut or damaged: BadGzipFile: "),
        (bz2.compress(b"text")[:-4], "t: is cut or damaged: ValueError: "),
        (lzma.compress(b"text")[:-4], "t: is cut or damaged: LZMAError: "),
        (pa.Codec("zstd").compress(b"text").to_pybytes()[:-2], "t: is cut or damaged: "),
        (b"PK\x03\x04...", "t: is cut or damaged: BadZipFile: "),
        (zipped("a", "b"), "t: holds 2 files, a, b ...; a zip of one table is read"),
    ],
)
def test_what_is_cut_or_damaged_is_named(data: bytes, words: str) -> None:
    assert refusal(lambda: uncompressed(data, "t")).startswith(words)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_an_encoding_is_known_by_its_mark(encoding: str) -> None:
    assert decoded("Köln €".encode(encoding), None, "t") == "Köln €"


def test_an_encoding_without_a_mark_is_given() -> None:
    assert decoded("Köln".encode("cp1252"), "cp1252", "t") == "Köln"
    assert decoded("Köln".encode("utf-8-sig"), "utf-8", "t") == "Köln"
    words = "t: byte 0xf6 in line 2 is no UTF-8; data.source.args.encoding names the file's own, such as latin-1 or"
    assert refusal(lambda: decoded("a\nKöln".encode("latin-1"), None, "t")).startswith(words)
    words = refusal(lambda: decoded(b"a", "klingon", "t"))
    assert words == "data.source.args.encoding: Python knows no 'klingon'"
