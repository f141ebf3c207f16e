"""The formats of picture files that trainer and servers read, known by their first bytes. It travels into archives.

Formats that start a process or read other files (EPS, WMF) are not among them, nor those whose header does not say how
large the picture is (ICO), nor those without a signature (TGA). A file of several pictures, such as an animated GIF or
a TIFF of several pages, is refused; of an MPO, which phones write, the first is the picture.
"""

import re

from PIL import features

HEAD = 32
"""So many bytes tell a picture from other files."""

_SIGNATURES = {
    "JPEG": rb"\xff\xd8\xff",  # Pillow opens MPO, as phones write it, by this name too
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "WEBP": rb"RIFF....WEBP",
    "BMP": rb"BM.{4}\0{4}.{4}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "GIF": rb"GIF8[79]a",
    "TIFF": rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]",
    "PPM": rb"P[1-6f]\s+[\d#]",
    "JPEG2000": rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  \r\n\x87\n",
    "AVIF": rb".{4}ftyp(avi[fs]|m(if|sf)1.{4,16}avi[fs])",
    "QOI": rb"qoif",
    "SGI": rb"\x01\xda[\0\x01][\x01\x02]",
    "PCX": rb"\n[\0\x02\x03\x05]\x01[\x01\x02\x04\x08]",
}
_LIBRARIES = {"WEBP": "webp", "JPEG2000": "jpg_2000", "AVIF": "avif"}
"""What a build of Pillow may lack."""


def _readable(name: str) -> bool:
    library = _LIBRARIES.get(name)
    return library is None or (library in features.modules | features.codecs and bool(features.check(library)))


FORMATS = tuple(filter(_readable, _SIGNATURES))
"""Pillow's names."""
SUFFIXES = (
    *("jpg", "jpeg", "png", "webp", "bmp", "jpe", "jfif", "mpo", "apng", "gif", "tif", "tiff", "pbm", "pgm", "ppm"),
    *("pnm", "pfm", "jp2", "j2k", "j2c", "jpc", "jpf", "jpx", "avif", "avifs", "qoi", "sgi", "pcx"),
)
"""Names of such files end so. A file without such an ending is a picture if its first bytes say so."""
_HEADS = re.compile(b"|".join(b"(?:%b)" % _SIGNATURES[name] for name in FORMATS), re.DOTALL)


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with `head`, HEAD bytes or all there are, is a picture of these formats."""
    return _HEADS.match(head) is not None
