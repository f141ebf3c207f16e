"""Image processors that differ from the others, by their own source."""

import pytest

from torchferry.serving.export.external.published.image_processors import PROCESSORS, family


@pytest.mark.parametrize(
    ("name", "edge", "crop_pct", "shorter"),
    [
        ("CLIP", 224, None, 224),
        ("ConvNext", 224, None, 256),
        ("ConvNext", 224, 0.95, 235),
        ("ConvNext", 383, 1.0, 383),
        ("ConvNext", 384, 0.875, None),
        ("PoolFormer", 224, 0.9, 248),
        ("PoolFormer", 224, None, 224),
        ("Levit", 224, None, 256),
    ],
)
def test_what_the_shorter_side_becomes(name: str, edge: int, crop_pct: float | None, shorter: int | None) -> None:
    assert PROCESSORS[name].shorter(edge, crop_pct) == shorter


@pytest.mark.parametrize("ending", ["FeatureExtractor", "ImageProcessor", "ImageProcessorFast", "ImageProcessorPil"])
def test_releases_name_one_processor_in_four_ways(ending: str) -> None:
    assert family(f"ConvNext{ending}") == "ConvNext"
