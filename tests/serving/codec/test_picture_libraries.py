"""Nobody can fill a log with pictures that are damaged."""

import io

from PIL import Image

from tests.commands import run_python

ASKED = """
import io, sys
from PIL import Image
from torchferry.serving.codec.picture_libraries import silence
if sys.argv[1] == "silent":
    silence()
for file in map(bytes.fromhex, sys.argv[2:]):
    try:
        Image.open(io.BytesIO(file)).load()
    except OSError as error:
        print(error)
"""


def damaged() -> list[bytes]:
    """Of one libtiff cannot read the pixels, of the other Pillow has not the whole directory."""
    Image.new("L", (8, 8)).save(file := io.BytesIO(), "TIFF", compression="tiff_adobe_deflate")
    made = bytearray(file.getvalue())
    made[made.index(b"\x78")] = 0xFF  # zlib's first byte
    return [bytes(made), file.getvalue()[:-20]]


def test_they_say_nothing_once_they_are_silenced() -> None:
    said, unsaid = (run_python("-c", ASKED, how, *(file.hex() for file in damaged())) for how in ("loud", "silent"))
    assert "ZIPDecode: Decoding error" in said.stderr
    assert "UserWarning" in said.stderr
    assert unsaid.stderr == ""
    assert unsaid.stdout == said.stdout != ""
