"""An image file becomes a uint8 tensor of the declared size and colours, or is refused with a reason."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.torchferry.contract.specs import Spec
from tests.training.data.sources import noise
from torchferry.contract.image import (
    CHANNELS,
    MAX_PIXELS,
    MAX_RATIO,
    MAX_READS,
    MAX_SIDE,
    NotAnImage,
    TooManyPixels,
    _upright,
    count_pixels,
    decode_image,
    image_array,
    placed_image,
    upright_image,
)
from torchferry.contract.image_formats import FORMATS

GREY = Spec(mode="L")


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def transparent() -> Image.Image:
    image = noise(0).convert("RGBA")
    image.putalpha(noise(1).convert("L"))
    return image


COLOURS = {
    "palette": noise(0).quantize(16),
    "black and white": noise(0).convert("1"),
    "grey with alpha": noise(0).convert("LA"),
    "alpha": transparent(),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_pixels_come_with_the_colours_first(kind: str) -> None:
    data = encoded(noise(0), kind)
    found = decode_image(data, Spec())
    assert (found.dtype.name, found.shape, found.flags.c_contiguous) == ("uint8", (3, 12, 10), True)
    np.testing.assert_array_equal(found, np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).transpose(2, 0, 1))
    if kind not in ("JPEG", "WEBP", "AVIF", "GIF"):  # which lose something
        np.testing.assert_array_equal(found, np.asarray(noise(0)).transpose(2, 0, 1))


@pytest.mark.parametrize("name", COLOURS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_other_colours_are_converted_to_the_declared_ones(name: str, mode: str) -> None:
    found = decode_image(encoded(COLOURS[name]), Spec(mode=mode))
    wanted = np.asarray(COLOURS[name].convert(mode))
    np.testing.assert_array_equal(found, wanted[None] if mode == "L" else wanted.transpose(2, 0, 1))


@pytest.mark.parametrize("mode", CHANNELS)
@pytest.mark.parametrize("name", [*COLOURS, "RGB", "L", "CMYK", "16 bits", "YCbCr"])
def test_each_mode_has_its_channels_and_is_opaque_where_the_file_has_no_alpha(name: str, mode: str) -> None:
    deep = Image.fromarray(np.full((12, 10), 0x8000, np.uint16))
    image = COLOURS.get(name) or (deep if name == "16 bits" else noise(0).convert(name))
    found = decode_image(encoded(image, "TIFF" if name in ("CMYK", "YCbCr") else "PNG"), Spec(mode=mode))
    assert found.shape == (CHANNELS[mode], 12, 10)
    if "A" in mode and "alpha" not in name:
        assert np.unique(found[-1]).tolist() == [255]


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_alpha_is_kept_where_it_is_asked_for(kind: str) -> None:
    lossless = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    found = decode_image(encoded(transparent(), kind, **lossless), Spec(mode="RGBA"))
    np.testing.assert_array_equal(found, np.asarray(transparent()).transpose(2, 0, 1))
    grey = decode_image(encoded(COLOURS["grey with alpha"]), Spec(mode="LA"))
    np.testing.assert_array_equal(grey, np.asarray(COLOURS["grey with alpha"]).transpose(2, 0, 1))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palettes_transparency_is_alpha(kind: str) -> None:
    transparency: object = bytes([0, *[255] * 15]) if kind == "PNG" else 0
    palette = noise(0).quantize(16)
    with warnings.catch_warnings(action="error"):
        found = decode_image(encoded(palette, kind, transparency=transparency), Spec(mode="RGBA"))
    np.testing.assert_array_equal(found[3], np.where(np.asarray(palette) == 0, 0, 255))


def test_colours_weigh_as_much_as_they_are_seen() -> None:
    half = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    half.putpixel((1, 0), (0, 0, 0, 0))
    assert image_array(half, Spec("RGBA", 1, 1)).ravel().tolist() == [255, 0, 0, 128]


def test_cmyk_is_four_inks() -> None:
    inks = Image.new("CMYK", (10, 12), (10, 20, 30, 40))
    for kind in ("TIFF", "JPEG"):
        np.testing.assert_allclose(decode_image(encoded(inks, kind), Spec("CMYK"))[:, 5, 5], [10, 20, 30, 40], atol=2)
    assert image_array(Image.new("RGB", (10, 12), (255, 0, 55)), Spec("CMYK"))[:, 0, 0].tolist() == [0, 255, 200, 0]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_converted_with_its_right_sign(kind: str) -> None:
    """Adobe writes a JPEG's CMYK inverted, and nobody a TIFF's."""
    light = Image.new("RGB", (10, 12), (250, 240, 230))
    found = decode_image(encoded(light.convert("CMYK"), kind), Spec())
    np.testing.assert_allclose(found[:, 5, 5], [250, 240, 230], atol=3)


FIRST, SECOND = (Image.new("RGB", (10, 12), colour) for colour in ((255, 0, 0), (0, 0, 255)))


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "PNG", "AVIF"])
def test_a_file_of_several_pictures_is_refused(kind: str) -> None:
    """Which of them would be meant?"""
    if kind not in FORMATS:
        pytest.skip(f"this Pillow has no {kind}")
    with pytest.raises(NotAnImage, match="the file has several pictures, as frames or pages"):
        decode_image(encoded(FIRST, kind, save_all=True, append_images=[SECOND]), Spec())
    alone = encoded(FIRST, kind, save_all=True)
    np.testing.assert_allclose(decode_image(alone, Spec())[:, 5, 5], [255, 0, 0], atol=8)


def test_a_phones_picture_is_the_one_before_its_preview() -> None:
    data = encoded(FIRST, "MPO", save_all=True, append_images=[SECOND])
    assert Image.open(io.BytesIO(data)).n_frames == 2  # type: ignore[attr-defined]
    np.testing.assert_allclose(decode_image(data, Spec())[:, 5, 5], [255, 0, 0], atol=3)


@pytest.mark.parametrize(("kind", "is_taken"), [(1, True), (4, True), (5, True), (0, False), (2, False)])
def test_smaller_copies_and_masks_of_a_tiff_are_no_pictures_of_their_own(kind: int, is_taken: bool) -> None:
    copy = SECOND.resize((5, 6))
    copy.encoderinfo = {"tiffinfo": {254: kind}}
    data = encoded(FIRST, "TIFF", save_all=True, append_images=[copy])
    if is_taken:
        np.testing.assert_array_equal(decode_image(data, Spec())[:, 5, 5], [255, 0, 0])
    else:
        with pytest.raises(NotAnImage, match="several pictures"):
            decode_image(data, Spec())


def test_a_tiff_of_more_pages_than_copies_can_be_is_refused() -> None:
    copy = SECOND.resize((5, 6))
    copy.encoderinfo = {"tiffinfo": {254: 1}}
    with pytest.raises(NotAnImage, match="several pictures"):
        decode_image(encoded(FIRST, "TIFF", save_all=True, append_images=[copy] * 40), Spec())


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_palette_with_transparency_keeps_its_colours_and_warns_nobody(kind: str) -> None:
    palette = noise(0).quantize(16)
    shown = palette.convert("RGB")
    transparency: object = bytes(range(16)) if kind == "PNG" else 3
    data = encoded(palette, kind, transparency=transparency)
    with warnings.catch_warnings(action="error"):
        found = decode_image(data, Spec())
    np.testing.assert_array_equal(found, np.asarray(shown).transpose(2, 0, 1))


def turned(orientation: int, kind: str, mode: str = "RGB") -> bytes:
    """noise(0) as a camera stores it that was held so."""
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)  # transpositions that EXIF undoes
    stored = noise(0).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = stored if back is None else stored.transpose(Image.Transpose(back))
    return encoded(stored, kind, exif=exif.tobytes())


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(9))
def test_a_picture_is_turned_upright_as_exif_says(orientation: int, kind: str) -> None:
    found = decode_image(turned(orientation, kind), Spec())
    np.testing.assert_array_equal(found, np.asarray(noise(0)).transpose(2, 0, 1))


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "MPO"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_pillows_own_transposition_is_the_rule(orientation: int, kind: str) -> None:
    data = turned(orientation, kind)
    wanted = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert wanted.size == (10, 12)
    np.testing.assert_array_equal(decode_image(data, Spec()), np.asarray(wanted).transpose(2, 0, 1))


def test_an_orientation_may_be_ignored_and_nothing_is_copied_without_one() -> None:
    data = turned(6, "PNG")
    stored = np.asarray(Image.open(io.BytesIO(data)))
    assert stored.shape == (10, 12, 3)
    found = decode_image(data, Spec(height=10, width=12, exif="ignore"))
    np.testing.assert_array_equal(found, stored.transpose(2, 0, 1))
    image = noise(0)
    assert _upright(image) is image


@pytest.mark.parametrize("exif", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", b""])
def test_damaged_exif_does_not_fail_a_picture(exif: bytes) -> None:
    with warnings.catch_warnings(action="ignore"):
        found = decode_image(encoded(noise(0), "PNG", exif=exif), Spec())
    np.testing.assert_array_equal(found, np.asarray(noise(0)).transpose(2, 0, 1))


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic"])
def test_another_size_is_resized_whole(interpolation: str) -> None:
    found = image_array(noise(0), Spec(height=5, width=30, interpolation=interpolation))
    resized = noise(0).resize((30, 5), getattr(Image.Resampling, interpolation.upper()))
    np.testing.assert_array_equal(found, np.asarray(resized).transpose(2, 0, 1))


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    deep = Image.fromarray(np.array([[0, 255, 256, 0x80FF, 0xFFFF]], dtype=np.uint16))
    for kind in ("PNG", "TIFF", "PPM", "JPEG2000"):
        assert decode_image(encoded(deep, kind), Spec("L", 1, 5)).tolist() == [[[0, 0, 1, 128, 255]]]
    motorola = encoded(Image.frombytes("I;16B", (5, 1), np.asarray(deep).astype(">u2").tobytes()), "TIFF")
    assert decode_image(motorola, Spec("L", 1, 5)).tolist() == [[[0, 0, 1, 128, 255]]]


def tiff(bits: int, width: int, data: bytes, **more: int) -> bytes:
    """A grey TIFF of one row."""
    tags = {256: width, 257: 1, 258: bits, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: len(data)}
    tags |= {int(name[1:]): value for name, value in more.items()}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory


def test_twelve_bits_are_scaled() -> None:
    assert decode_image(tiff(12, 2, b"\xff\xf0\x80"), Spec("L", 1, 2)).tolist() == [[[255, 8]]]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image.fromarray(np.array([[0.25, 1e9]], np.float32)), "its grey values are floating-point numbers"),
        (Image.fromarray(np.array([[0, 70_000]], np.int32)), "its grey values are 0 to 70000; 0 to 65535 are taken"),
        (Image.fromarray(np.array([[-1, 7]], np.int32)), "its grey values are -1 to 7; 0 to 65535 are taken"),
        (Image.new("LAB", (2, 1)), "its colours are CIELAB"),
    ],
    ids=["float", "large", "negative", "lab"],
)
def test_values_that_would_be_clipped_are_refused(image: Image.Image, words: str) -> None:
    with pytest.raises(NotAnImage, match=f"^{words}"):
        decode_image(encoded(image, "TIFF"), GREY)


def test_a_tiffs_tile_may_not_be_larger_than_a_picture() -> None:
    with pytest.raises(TooManyPixels, match="65520 x 65520 pixels"):
        decode_image(tiff(8, 1, b"a", t322=65520, t323=65520), GREY)


@pytest.mark.parametrize("kind", ["GIF", "PPM"])
def test_a_bomb_of_the_new_formats_is_refused_by_its_header(kind: str) -> None:
    data = b"GIF89a" + struct.pack("<HH", 60_000, 60_000) + bytes(3) if kind == "GIF" else b"P5 60000 60000 255\n"
    frame = b"\x2c" + struct.pack("<HHHH", 0, 0, 60_000, 60_000) + b"\0\x08\0"
    with pytest.raises(TooManyPixels, match="pixels"):
        decode_image(data + (frame if kind == "GIF" else b""), GREY)


@pytest.mark.parametrize("data", [b"", b"not an image", b"\x89PNG\r\n\x1a\n", encoded(noise(0), "EPS"), b"%PDF-1.4"])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(NotAnImage, match=f"^the {len(data)} bytes are not an image in {', '.join(FORMATS)}$"):
        decode_image(data, GREY)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "WEBP"])
def test_a_truncated_image_is_refused(kind: str) -> None:
    grain = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(grain), kind)
    with pytest.raises(NotAnImage, match=r"^the image is damaged: |^the \d+ bytes are not") as refused:
        decode_image(data[: len(data) // 2], GREY)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("error", [KeyError("tile"), struct.error("unpack"), ValueError("a\nb")])
def test_whatever_a_plugin_raises_is_damage(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def convert(*_: object) -> None:
        raise error

    monkeypatch.setattr(Image.Image, "convert", convert)
    with pytest.raises(NotAnImage, match=r"^the image is damaged: "):
        decode_image(encoded(noise(0)), GREY)


def test_the_largest_image_is_taken_and_one_row_more_is_not() -> None:
    assert MAX_PIXELS == 10_000 * 5_000
    small = Spec("L", 1, 1)
    assert decode_image(encoded(Image.new("1", (10_000, 5_000))), small).tolist() == [[[0]]]
    with pytest.raises(TooManyPixels, match="the image has 10000 x 5001 pixels; 50,000,000 are allowed"):
        decode_image(encoded(Image.new("1", (10_000, 5_001))), small)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_the_pixels_of_a_file_are_counted_by_its_header(kind: str) -> None:
    data = encoded(noise(0), kind)
    assert count_pixels(data) == noise(0).width * noise(0).height
    with pytest.raises(TooManyPixels):
        count_pixels(encoded(Image.new("1", (10_000, 5_001))))


def test_a_file_of_very_many_parts_is_given_up() -> None:
    jpeg, comment = encoded(noise(0), "JPEG"), b"\xff\xfe\0\2"
    whole = decode_image(jpeg[:2] + 1000 * comment + jpeg[2:], GREY)
    np.testing.assert_array_equal(whole, decode_image(jpeg, GREY))
    with pytest.raises(NotAnImage, match="the image has more than 100,000 parts"):
        decode_image(jpeg[:2] + MAX_READS * comment + jpeg[2:], GREY)


def test_a_qoi_of_very_many_parts_is_a_picture() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (300, 200, 3), np.uint8)
    assert decode_image(encoded(Image.fromarray(pixels), "QOI"), GREY).shape == (1, GREY.height, GREY.width)


def test_a_huge_image_is_refused_by_its_header_alone() -> None:
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    with pytest.raises(TooManyPixels, match="pixels"):
        decode_image(png + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")), GREY)


@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
@pytest.mark.parametrize("size", [(1, 10_000), (10_000, 1), (3, 300_000), (300_000, 3)])
def test_a_picture_of_an_extreme_shape_takes_no_more_memory_than_another(resize: str, size: tuple[int, int]) -> None:
    """Of a crop to 224 x 224 pixels, all of 1 x 10,000 would be resized to 224 x 2,240,000."""
    for interpolation, antialias in (("bilinear", True), ("bicubic", False), ("nearest", True), ("lanczos", True)):
        spec = Spec("L", 224, 224, resize, 0.875, interpolation, antialias)
        if resize == "crop":
            with pytest.raises(NotAnImage, match=f"^the image has {size[0]} x {size[1]} pixels; the middle of it"):
                image_array(Image.new("L", size), spec)
        else:
            assert image_array(Image.new("L", size), spec).shape == (1, 224, 224)


def test_the_longest_picture_that_is_cropped() -> None:
    spec = Spec("L", 2, 2, "crop")
    assert image_array(Image.new("L", (MAX_RATIO, 1), 7), spec).tolist() == [[[7, 7], [7, 7]]]
    words = "^the image has 1 x 1001 pixels; the middle of it would be less than 1 in 1,000$"
    with pytest.raises(NotAnImage, match=words):
        image_array(Image.new("L", (1, MAX_RATIO + 1)), spec)


def test_a_side_has_a_limit_of_its_own() -> None:
    small = Spec("L", 1, 1)
    assert decode_image(encoded(Image.new("1", (1, MAX_SIDE))), small).tolist() == [[[0]]]
    with pytest.raises(TooManyPixels, match="the image has 1 x 1000001 pixels; a side may have 1,000,000"):
        decode_image(encoded(Image.new("1", (1, MAX_SIDE + 1))), small)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_picture_as_people_see_it_is_upright_and_in_its_own_size(kind: str, orientation: int) -> None:
    data = turned(orientation, kind)
    with Image.open(io.BytesIO(data)) as opened:
        wanted = ImageOps.exif_transpose(opened).convert("RGB")
    found = upright_image(data, "apply", MAX_PIXELS)
    np.testing.assert_array_equal(found, np.asarray(wanted).transpose(2, 0, 1))
    _, place = placed_image(data, Spec(resize="crop"))
    assert place.size == (wanted.height, wanted.width)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(600, 400), (3000, 2), (1, 5000)])
def test_a_large_picture_is_made_smaller_for_people(kind: str, size: tuple[int, int]) -> None:
    data = encoded(Image.new("RGB", size, "red"), kind)
    found = upright_image(data, "apply", 1000)
    assert found.shape[1] * found.shape[2] <= 1000
    assert found.min(axis=(1, 2))[0] > 250


@pytest.mark.parametrize("jpeg", ["full", "scaled"])
def test_a_placement_is_of_the_whole_picture_whatever_was_decoded(jpeg: str) -> None:
    data = encoded(Image.new("RGB", (401, 301)), "JPEG")
    pixels, place = placed_image(data, Spec(resize="pad", jpeg=jpeg))
    assert pixels.shape == (3, 12, 10)
    assert place.size == (301, 401)
