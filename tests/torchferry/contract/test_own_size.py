"""Pictures of their own size: which they become, and what lies beside them."""

from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.torchferry.contract.photographs import pieces
from tests.torchferry.contract.specs import Spec
from torchferry.contract.axes import Axis
from torchferry.contract.image import NotAnImage, decode_image, image_array
from torchferry.contract.own_size import NoOwnSize, own_size, up_to_step
from torchferry.contract.resize import wrong

BOUNDS = {"least": 48, "most": 200, "step": 32}
"""The sizes are 64, 96, ... 192."""


def axis(at: int = 3, **given: int) -> Axis:
    return Axis(at=at, name="height" if at == 2 else "width", **BOUNDS | given)


def spec(**given: Any) -> Spec:
    own: dict[str, Any] = {"height": axis(2), "width": axis(3), "resize": "keep", "fill": (1, 2, 3)}
    return Spec(**own | given)


@pytest.mark.parametrize(
    ("size", "found"),
    [
        ((48, 192), (48, 192)),
        ((100, 77), (100, 77)),
        ((193, 193), (192, 192)),  # 200 is no multiple of 32
        ((1000, 500), (192, 96)),
        ((10, 20), (48, 96)),
        ((20, 10), (96, 48)),
        ((768, 192), (192, 48)),
        ((12, 48), (48, 192)),
    ],
)
def test_it_is_kept_between_the_bounds_and_else_brought_there_with_its_ratio(
    size: tuple[int, int], found: tuple[int, int]
) -> None:
    assert own_size(*size, axis(), axis()) == found


@pytest.mark.parametrize("size", [(2000, 20), (20, 2000), (400, 90), (10, 60), (1, 1_000_000)])
def test_a_ratio_that_both_bounds_do_not_allow_is_refused_with_them(size: tuple[int, int]) -> None:
    words = f"^the image has {size[0]} x {size[1]} pixels, of whose ratio no picture has 48 to 192 across and 48 to 160"
    with pytest.raises(NoOwnSize, match=words):
        own_size(*size, axis(), axis(2, most=160))


def test_a_side_goes_up_to_the_step_and_the_least() -> None:
    sizes = [up_to_step(side, axis()) for side in (48, 64, 65, 96, 192)]
    assert sizes == [64, 64, 96, 96, 192]
    assert up_to_step(5, axis(least=1, step=1)) == 5


def test_pixels_stay_as_they_are_and_the_colour_lies_at_the_right_and_below() -> None:
    for piece in pieces(6):
        picture = piece.resize((70 + piece.width % 50, 60 + piece.height % 50))
        found, pixels = image_array(picture, spec()), np.asarray(picture).transpose(2, 0, 1)
        assert all(side in (64, 96, 128) for side in found.shape[1:])
        np.testing.assert_array_equal(found[:, : picture.height, : picture.width], pixels)
        assert (found[:, picture.height :] == np.array([[[1]], [[2]], [[3]]])).all()
        assert (found[:, :, picture.width :] == np.array([[[1]], [[2]], [[3]]])).all()


def test_a_larger_picture_is_resized_as_one_of_that_size_is() -> None:
    (piece,) = pieces(1)
    picture = piece.resize((400, 300))
    found = image_array(picture, spec())
    assert found.shape == (3, 160, 192)
    np.testing.assert_array_equal(found[:, :144], image_array(picture, Spec(height=144, width=192)))


def test_a_large_jpeg_is_decoded_at_a_part_of_its_size(tmp_path: Any) -> None:
    pieces(1)[0].resize((1601, 1203)).save(tmp_path / "large.jpg", quality=95)
    data = (tmp_path / "large.jpg").read_bytes()
    full, scaled = (decode_image(data, spec(jpeg=jpeg)) for jpeg in ("full", "scaled"))
    assert (full != scaled).any()
    np.testing.assert_array_equal(scaled[:, :144], decode_image(data, Spec(height=144, width=192, jpeg="scaled")))


def test_a_file_of_another_ratio_is_no_image_for_it(tmp_path: Any) -> None:
    Image.new("RGB", (500, 20)).save(tmp_path / "narrow.png")
    with pytest.raises(NotAnImage, match="the image has 500 x 20 pixels, of whose ratio"):
        decode_image((tmp_path / "narrow.png").read_bytes(), spec())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, None),
        ({"width": 64}, "width: is one size, and the other side has bounds"),
        ({"height": 64}, "height: is one size"),
        ({"resize": "pad"}, "resize: pad is not one of keep"),
        ({"height": 64, "width": 64}, "resize: keep is not one of squash, crop, pad"),
        ({"fraction": 0.5}, "fraction: 0.5 is for a network of one size"),
    ],
)
def test_what_goes_together(given: dict[str, Any], words: str | None) -> None:
    said = wrong(spec(**given))
    assert said is None if words is None else str(said).startswith(words)
