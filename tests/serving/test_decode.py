import csv
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.bundle.bundle import ImageDecode
from torchferry.serving.decode import decode_image
from torchferry.serving.errors import NotDecodable, TooLarge
from torchferry.training.models.saved import evaluation_data, load_model

GREY = ImageDecode(mode="L", height=8, width=8, interpolation="bilinear")
RGB = ImageDecode(mode="RGB", height=4, width=6, interpolation="nearest")


def encoded(image: Image.Image, format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format)
    return buffer.getvalue()


def test_a_file_gives_the_tensor_that_training_saw(run: Path, bundle: Path, samples: Path) -> None:
    decode = bundles.load(bundle).decode
    assert decode is not None
    test = evaluation_data(load_model(run)[1]).test
    with (samples / "samples.csv").open(newline="") as file:
        for index, row in enumerate(csv.DictReader(file)):
            decoded = decode_image((samples / row["file"]).read_bytes(), decode)
            np.testing.assert_array_equal(decoded, test[index][0].numpy())


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "WEBP"])
def test_common_formats_sizes_and_colours_become_the_declared_tensor(format: str) -> None:
    image = Image.new("RGB", (30, 20), (200, 30, 90))
    decoded = decode_image(encoded(image, format), RGB)
    assert decoded.shape == (3, 4, 6)
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - np.array([200, 30, 90])[:, None, None]).max() < 8
    assert decode_image(encoded(image, format), GREY).shape == (1, 8, 8)


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    ramp = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000
    decoded = decode_image(encoded(Image.fromarray(ramp), "PNG"), GREY)
    np.testing.assert_array_equal(decoded[0], ramp // 256)


@pytest.mark.parametrize("data", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", b"GIF89a" + b"\0" * 20, b"%PDF-1.4"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(NotDecodable):
        decode_image(data, GREY)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "BMP", "WEBP"])
def test_a_truncated_image_is_refused(format: str) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
    data = encoded(noise, format)
    with pytest.raises(NotDecodable):
        decode_image(data[: len(data) // 2], GREY)


def test_a_huge_image_is_refused_by_its_header_alone() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(TooLarge, match="pixels"):
        decode_image(png + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")), GREY)
