"""Pictures are known by their first bytes, and texts that begin alike are none."""

import io

import pytest
from PIL import Image

from tests.training.data.sources import noise
from torchferry.contract.image_formats import FORMATS, HEAD, SUFFIXES, is_picture


@pytest.mark.parametrize("kind", [*FORMATS, "MPO"])
def test_each_format_is_known_by_its_head(kind: str) -> None:
    buffer = io.BytesIO()
    noise(0).save(buffer, kind)
    assert is_picture(buffer.getvalue()[:HEAD])


@pytest.mark.parametrize("mode", ["1", "L", "RGB"])
def test_each_kind_of_a_portable_map_is_one(mode: str) -> None:
    buffer = io.BytesIO()
    noise(0).convert(mode).save(buffer, "PPM")
    assert is_picture(buffer.getvalue()[:HEAD])
    assert is_picture(b"P3\n# made by hand\n1 1\n255\n0 0 0\n")


TEXTS = (b"", b"P", b"Python is", b"P1 is the first plan", b"BMW,3 series,and a long line of text", b"II, the second")
BINARIES = (b"BM", b"GIF", b"RIFF1234WAVE", b"%PDF-1.4", b"%!PS-Adobe-3.0 EPSF-3.0", bytes(HEAD))
HEIC = b"\0\0\0 ftypheic\0\0\0\0mif1heic"


@pytest.mark.parametrize("head", [*TEXTS, *BINARIES, HEIC])
def test_other_files_are_none(head: bytes) -> None:
    assert not is_picture(head)


def test_what_starts_a_process_or_hides_its_size_is_no_format() -> None:
    assert not {"EPS", "WMF", "ICO", "ICNS", "HDF5", "GRIB", "BUFR"} & set(FORMATS)
    assert {"JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000"} <= set(FORMATS)


def test_an_ending_is_lower_case_and_leads_to_no_other_format() -> None:
    assert len(set(SUFFIXES)) == len(SUFFIXES)
    Image.init()
    for suffix in set(SUFFIXES) - {"avifs", "jpc", "pfm", "mpo"}:
        assert Image.EXTENSION[f".{suffix}"] in FORMATS
