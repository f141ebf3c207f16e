"""JPEGs decoded at a part of their size."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.torchferry.contract.specs import Spec
from torchferry.contract.image import decode_image, image_array
from torchferry.contract.scaled_jpeg import scale_down

SCALED = Spec(height=50, width=50, resize="crop", fraction=0.8, jpeg="scaled")  # to 62 pixels, then 50


def jpeg(width: int, height: int, kind: str = "JPEG", orientation: int = 1) -> bytes:
    """A soft picture that is another in each corner."""
    across, down = np.meshgrid(np.linspace(0, 3, width), np.linspace(0, 2, height))
    values = np.stack([np.sin(across + down), np.cos(across * 2 - down), np.sin(down * 3)], axis=2)
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    Image.fromarray(np.uint8(values * 120 + 127)).save(buffer, kind, quality=95, exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("width", "height", "decoded"),
    [
        (500, 500, (63, 63)),
        (500, 248, (125, 62)),
        (247, 500, (124, 250)),
        (1000, 247, (500, 124)),
        (123, 123, (123, 123)),
    ],
)
def test_the_smallest_size_that_is_not_below_what_the_resize_makes(
    width: int, height: int, decoded: tuple[int, int]
) -> None:
    with Image.open(io.BytesIO(jpeg(width, height))) as image:
        assert scale_down(image, SCALED, sideways=False) == (width, height)
        assert image.size == decoded


@pytest.mark.parametrize(("resize", "decoded"), [("squash", (250, 63)), ("crop", (250, 63)), ("pad", (125, 32))])
def test_each_resize_has_its_own_size(resize: str, decoded: tuple[int, int]) -> None:
    """62 x 62, 248 x 62 and 62 x 16, of 1000 x 250."""
    with Image.open(io.BytesIO(jpeg(1000, 250))) as image:
        scale_down(image, replace(SCALED, resize=resize), sideways=False)
        assert image.size == decoded


def test_a_picture_that_lies_on_its_side_is_as_wide_as_it_will_be() -> None:
    with Image.open(io.BytesIO(jpeg(400, 200))) as image:
        spec = Spec(height=100, width=50, jpeg="scaled")
        assert scale_down(image, spec, sideways=True) == (200, 400)
        assert image.size == (100, 50)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("size", [(500, 375), (501, 377), (375, 1001)])
@pytest.mark.parametrize("resize", ["squash", "crop", "pad"])
def test_the_picture_is_the_same_in_the_same_place(resize: str, size: tuple[int, int], orientation: int) -> None:
    """A soft one loses nothing, so that a shift by a pixel would show."""
    data = jpeg(*size, orientation=orientation)
    spec = replace(SCALED, resize=resize)
    full, scaled = decode_image(data, replace(spec, jpeg="full")), decode_image(data, spec)
    assert np.abs(full.astype(int) - scaled).max() <= 16
    assert np.abs(full.astype(int) - scaled).mean() < 2.5  # 377 / 8 is rounded up
    beside = np.abs(full[:, 1:, 1:].astype(int) - scaled[:, :-1, :-1])
    assert beside.mean() > 3


@pytest.mark.parametrize(("orientation", "decoded"), [(1, (100, 200)), (6, (200, 400))])
def test_orientation_tells_which_side_is_which(orientation: int, decoded: tuple[int, int]) -> None:
    """To 50 x 200: a quarter of 400 x 800 is enough, and of 800 x 400, as the turned one is, a half."""
    spec = Spec(height=200, width=50, jpeg="scaled")
    with Image.open(io.BytesIO(jpeg(400, 800, orientation=orientation))) as image:
        image_array(image, spec)
        assert image.size == decoded


@pytest.mark.parametrize("size", [(183, 128), (189, 132)])
def test_the_middle_is_that_of_the_picture_in_full(size: tuple[int, int]) -> None:
    """A half of it, whose sides have a slightly other ratio, has its middle a pixel beside."""
    data = jpeg(*size)
    full, scaled = decode_image(data, replace(SCALED, jpeg="full")), decode_image(data, SCALED)
    assert np.abs(full.astype(int) - scaled).mean() < 1.2


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_other_formats_are_as_in_full(kind: str) -> None:
    data = jpeg(500, 400, kind)
    np.testing.assert_array_equal(decode_image(data, SCALED), decode_image(data, replace(SCALED, jpeg="full")))


def test_in_full_nothing_is_scaled() -> None:
    with Image.open(io.BytesIO(jpeg(500, 500))) as image:
        assert scale_down(image, replace(SCALED, jpeg="full"), sideways=False) is None
        assert image.size == (500, 500)
