import numpy as np
import pytest
from PIL import Image

from tests.training.data.sources import refusal, source
from torchferry.training.data.source import ImageInput


def test_the_default_is_the_scans_themselves() -> None:
    digits = source("digits")
    assert isinstance(digits.input, ImageInput)
    images = digits.train[:][0]
    assert tuple(images.shape) == (1437, 1, 8, 8)
    assert images.unique().tolist() == list(range(0, 241, 15))
    assert digits.input.mean == pytest.approx((images.float().mean().item() / 255,))
    assert digits.input.std == pytest.approx((images.double().std(correction=0).item() / 255,))


def test_a_server_may_be_sent_pictures_of_another_shape() -> None:
    found = source("digits", resize="crop", interpolation="bicubic").input
    assert isinstance(found, ImageInput)
    assert (found.resize, found.interpolation) == ("crop", "bicubic")


def test_a_size_is_the_scans_resized_bilinear() -> None:
    small, large = source("digits"), source("digits", size=28, normalize="half")
    assert large.input == ImageInput(mode="L", height=28, width=28, mean=(0.5,), std=(0.5,), exif="apply")
    scan = Image.fromarray(small.test[3][0][0].numpy()).resize((28, 28), Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(large.test[3][0][0].numpy(), np.asarray(scan))
    assert large.test[3][1] == small.test[3][1]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"size": 0}, "data.source.args.size: 0 is too small"),
        ({"size": "large"}, "data.source.args.size: 'large' is not a whole number"),
        ({"normalize": "well"}, "data.source.args.normalize: 'well' is not imagenet or half or none or null"),
        ({"mean": [0.1, 0.2]}, "data.source.args.mean: [0.1, 0.2] has 2 values; mode L has 1"),
        ({"std": [0.0]}, "data.source.args.std: [0.0] must be above 0"),
        ({"test_fraction": 1.0}, "data.source.args.test_fraction: 1.0 is not between 0 and 1"),
    ],
)
def test_bad_arguments_are_refused(args: dict[str, object], words: str) -> None:
    assert words in refusal(lambda: source("digits", **args))
