"""From the bytes of a file to its text: compression by its first bytes, encoding by its byte-order mark."""

import bz2
import codecs
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable

import pyarrow as pa

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line

DAMAGE = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16's, which begins alike
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def uncompressed(data: bytes, name: str) -> bytes:
    """What gzip, bzip2, xz, Zstandard, LZ4 or a zip of one file holds; other bytes as they are."""
    for magic, unpack in UNPACK.items():
        if data.startswith(magic):
            try:
                return unpack(data)
            except UserError as error:
                raise UserError(f"{name}: {error}") from error
            except DAMAGE as error:
                raise UserError(f"{name}: is cut or damaged: {one_line(error)}") from error
    return data


def decoded(data: bytes, encoding: str | None, name: str) -> str:
    """Text; without an `encoding` that of a byte-order mark, or UTF-8. Raises UserError for bytes that are none."""
    marked = next((of for mark, of in MARKS.items() if data.startswith(mark)), None)
    try:
        return data.decode(marked if marked and encoding in (None, "utf-8", "utf8") else encoding or "utf-8")
    except LookupError as error:
        raise UserError(f"data.source.args.encoding: Python knows no '{encoding}'") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x} in line {line} is no {error.encoding.upper()}"
        raise UserError(
            f"{name}: {found}; data.source.args.encoding names the file's own, such as latin-1 or cp1252"
        ) from error


def _by_arrow(codec: str) -> Callable[[bytes], bytes]:
    return lambda data: pa.CompressedInputStream(pa.BufferReader(data), codec).read()


def _of_zip(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise UserError(f"holds {len(names)} files, {', '.join(names[:3])} ...; a zip of one table is read")
        return archive.read(names[0])


UNPACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ\0": lzma.decompress,
    b"\x28\xb5\x2f\xfd": _by_arrow("zstd"),
    b"\x04\x22\x4d\x18": _by_arrow("lz4"),
    b"PK\x03\x04": _of_zip,
}
