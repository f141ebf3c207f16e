"""The presets of torchvision's weights in a source's words; tests/serving/export/external/published has all of them."""

import inspect
from pathlib import Path

import pytest
from torchvision.models import EfficientNet_B1_Weights
from torchvision.models.segmentation import FCN_ResNet50_Weights

from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.source import TensorInput
from torchferry.training.models.torchvision_preset import picture_arguments, published_arguments, unlike_published

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "antialias": True}


def test_a_classifiers_are_those_of_an_image_source() -> None:
    found = picture_arguments(EfficientNet_B1_Weights.IMAGENET1K_V2.transforms())
    assert found == {
        **IMAGENET,
        "height": 240,
        "width": 240,
        "resize": "crop",
        "fraction": 240 / 255,
        "interpolation": "bilinear",
    }
    assert set(found) < set(inspect.signature(image_input).parameters)


def test_others_have_no_size() -> None:
    found = picture_arguments(FCN_ResNet50_Weights.DEFAULT.transforms())
    assert found == IMAGENET | {"interpolation": "bilinear"}


def test_a_files_weights_publish_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ResNet18_Weights.DEFAULT").touch()
    for weights in ("ResNet18_Weights.DEFAULT", "own.pth"):
        assert published_arguments(weights) == {}
        assert unlike_published(weights, image_input(224, 224)) == ""


def test_a_source_that_prepares_pictures_in_another_way_is_told_so() -> None:
    judged = "ResNet18_Weights.DEFAULT were judged on pictures with"
    said = unlike_published("ResNet18_Weights.DEFAULT", image_input(32, 32, normalize="half"))
    assert said == (
        f"{judged} resize crop, fraction 0.875, mean 0.485 0.456 0.406, std 0.229 0.224 0.225; "
        "the source has squash, 1, 0.5 0.5 0.5, 0.5 0.5 0.5"
    )
    assert unlike_published("ResNet18_Weights.DEFAULT", image_input(32, 32, resize="crop", fraction=0.875)) == ""
    assert unlike_published("ResNet18_Weights.DEFAULT", TensorInput(shape=(3,))) == ""
