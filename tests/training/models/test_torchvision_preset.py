"""What torchvision's weights say, in a source's words; tests/serving/export/published has all of them."""

import inspect

from torchvision.models import EfficientNet_B1_Weights
from torchvision.models.segmentation import FCN_ResNet50_Weights

from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.models.torchvision_preset import picture_arguments

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
