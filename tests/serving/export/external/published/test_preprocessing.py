"""Published preprocessing fills in what the user leaves out, and one line says what was taken."""

from typing import Any

import pytest

from torchferry.errors import UserError
from torchferry.serving.export.external.published.preprocessing import Preprocessing

TAKEN = {
    "resize": "crop",
    "fraction": 224 / 256,
    "interpolation": "bilinear",
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
}
CROPPED = Preprocessing(origin="X_Weights.V1", size=(224, 224), arguments=TAKEN)
SIZELESS = Preprocessing(origin="Y_Weights.V1", size=None, arguments={"mean": (0.5,) * 3}, without_size="crops nothing")
OWN = (
    "pictures as X_Weights.V1 prepares them: shorter side to 256, then the middle 224 x 224, bilinear; "
    "mean 0.485 0.456 0.406, std 0.229 0.224 0.225"
)


@pytest.mark.parametrize(
    ("text", "sized"),
    [
        ("image", "image:224x224"),
        ("left=image", "left=image:224x224"),
        ("image:RGB", "image:RGB:224x224"),
        ("image:288", "image:288"),
        ("table:8", "table:8"),
    ],
)
def test_a_picture_without_a_size_has_the_published_one(text: str, sized: str) -> None:
    assert CROPPED.sized([text], {}) == [sized]


def test_without_a_published_size_one_has_to_be_given() -> None:
    with pytest.raises(UserError, match=r"--input: image has no size, and Y_Weights.V1 \(crops nothing\) gives none"):
        SIZELESS.sized(["image"], {})
    with pytest.raises(UserError, match=r"--resize: is missing; Y_Weights.V1 \(crops nothing\)"):
        SIZELESS.beside({})
    assert SIZELESS.beside({"resize": "pad"}) == {"mean": (0.5,) * 3, "resize": "pad"}


def test_pictures_of_other_colours_are_refused_unless_their_normalisation_is_given() -> None:
    with pytest.raises(UserError, match=r"--input: image:L:28 has 1 channel, and X_Weights.V1 is for 3; give --normal"):
        CROPPED.sized(["image:L:28"], {})
    assert CROPPED.sized(["image:L:28"], {"normalize": "half"}) == ["image:L:28"]


def test_what_the_user_says_wins() -> None:
    assert CROPPED.beside({}) == TAKEN
    assert CROPPED.beside({"interpolation": "bicubic"}) == TAKEN | {"interpolation": "bicubic"}
    assert CROPPED.beside({"resize": "squash", "fraction": 1.0})["fraction"] == 1.0
    named = CROPPED.beside({"normalize": "half"})
    assert (named["normalize"], "mean" in named, "std" in named) == ("half", False, False)


@pytest.mark.parametrize(
    ("texts", "said", "end"),
    [
        (["image"], {}, ""),
        (["image:224"], {}, ""),
        (["image:224x224"], {"exif": "ignore"}, ""),
        (
            ["image:288"],
            {},
            "; --input image:288 instead, as given, so shorter side to 329, then the middle 288 x 288, bilinear",
        ),
        (["image"], {"normalize": "half"}, "; --normalize instead, as given"),
        (
            ["image"],
            {"resize": "pad", "fraction": 1.0},
            "; --resize instead, as given, so longer side to 224, padded to 224 x 224, bilinear",
        ),
        (
            ["image"],
            {"mean": [0, 0, 0], "interpolation": "box"},
            "; --mean, --interpolation instead, as given, so shorter side to 256, then the middle 224 x 224, box",
        ),
    ],
)
def test_one_line_says_what_is_taken_and_what_is_not(texts: list[str], said: dict[str, Any], end: str) -> None:
    assert CROPPED.line(texts, said) == OWN + end


@pytest.mark.parametrize(
    ("size", "changed", "words"),
    [
        ((224, 224), {}, "shorter side to 256, then the middle 224 x 224, bilinear"),
        ((224, 224), {"fraction": 1.0}, "shorter side to 224, then the middle 224 x 224, bilinear"),
        ((224, 112), {}, "resized to cover 256 x 128, then the middle 224 x 112, bilinear"),
        ((224, 224), {"resize": "squash"}, "squashed to 256 x 256, then the middle 224 x 224, bilinear"),
        ((64, 32), {"resize": "squash", "fraction": 1.0}, "squashed to 64 x 32, bilinear"),
        ((224, 224), {"resize": "pad"}, "longer side to 256, padded or cut to 224 x 224, bilinear"),
        ((64, 64), {"resize": "pad", "fraction": 1.0}, "longer side to 64, padded to 64 x 64, bilinear"),
        ((64, 32), {"resize": "pad", "fraction": 1.0}, "resized to fit into 64 x 32, padded to 64 x 32, bilinear"),
        ((64, 64), {"resize": "crop", "antialias": False}, "the middle 64 x 64, bilinear without antialiasing"),
    ],
)
def test_each_way_to_resize_has_its_words(size: tuple[int, int], changed: dict[str, Any], words: str) -> None:
    taken = Preprocessing(origin="x", size=size, arguments=TAKEN | changed)
    assert f"{words}; mean" in taken.line([], {})
    assert "pictures as Y_Weights.V1 prepares them: mean 0.5 0.5 0.5" in SIZELESS.line([], {})
