"""The presets of torchvision's weights, against their own transforms."""

from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.transforms.v2 import functional as transforms

from tests.serving.export.external.published.photographs import apart, input_of, photographs, pixels_of
from torchferry.errors import UserError
from torchferry.serving.export.external.published.torchvision_preset import torchvision_preset
from torchferry.training.models.normalized import Normalized
from torchferry.training.models.torchvision_preset import NAME

CLASSIFIERS = [
    weights
    for module in (models, models.quantization)
    for network in models.list_models(module=module)
    for weights in models.get_model_weights(network)
]
PRESETS = {repr(weights.transforms()): weights for weights in CLASSIFIERS}
"""Weights by what is done for them."""


def test_all_classifiers_are_known() -> None:
    assert len(CLASSIFIERS) > 120
    for weights in CLASSIFIERS:
        taken = torchvision_preset(str(weights), "--weights")
        assert NAME.fullmatch(str(weights))
        assert taken.size == (weights.transforms().crop_size[0],) * 2
        assert taken.labels == tuple(weights.meta["categories"] or ())  # none of VGG16_Weights.IMAGENET1K_FEATURES


@pytest.mark.parametrize("weights", PRESETS.values(), ids=str)
def test_a_picture_is_what_torchvision_makes_of_it(weights: Any) -> None:
    """Within one grey level before the normalisation, and the same after it."""
    preset, input = weights.transforms(), input_of(torchvision_preset(str(weights), "--weights"))
    for photograph in photographs():
        resized = transforms.resize(photograph, preset.resize_size, preset.interpolation, antialias=preset.antialias)
        theirs = transforms.pil_to_tensor(transforms.center_crop(resized, preset.crop_size))
        assert apart(pixels_of(photograph, input), theirs) <= 1
    normalized = Normalized(nn.Identity(), input)(theirs[None])[0]
    torch.testing.assert_close(normalized, preset(photograph), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("path", ["", "torchvision.models.", "torchvision.models.resnet."])
def test_the_name_may_be_an_import_path(path: str) -> None:
    taken = torchvision_preset(f"{path}ResNet18_Weights.DEFAULT", "--preprocess")
    assert taken.origin == "ResNet18_Weights.IMAGENET1K_V1"
    assert taken.arguments["fraction"] == 224 / 256


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ResNet19_Weights.DEFAULT", "did you mean ResNet1[08]\\w*_Weights"),
        ("ResNet18_Weights.IMAGENET1K_V2", "did you mean ResNet18_Weights.IMAGENET1K_V1"),
        ("elsewhere.ResNet18_Weights.DEFAULT", "one of torchvision's weights"),
        ("R3D_18_Weights.DEFAULT", "R3D_18_Weights.KINETICS400_V1 prepares its samples by VideoClassification"),
    ],
)
def test_what_is_no_picture_of_torchvisions_is_refused(name: str, words: str) -> None:
    with pytest.raises(UserError, match=f"--preprocess: .*{words}"):
        torchvision_preset(name, "--preprocess")


@pytest.mark.parametrize(
    ("name", "mean", "words"),
    [
        ("FCN_ResNet50_Weights.DEFAULT", 0.485, "SemanticSegmentation resizes the shorter side to 520"),
        ("SSD300_VGG16_Weights.DEFAULT", 0.0, "ObjectDetection takes pictures of any size"),
        ("Raft_Small_Weights.DEFAULT", 0.5, "OpticalFlow takes pictures of any size"),
    ],
)
def test_presets_without_a_size_normalise_alone(name: str, mean: float, words: str) -> None:
    taken = torchvision_preset(name, "--weights")
    assert (taken.size, taken.arguments["mean"][0]) == (None, mean)
    assert len(taken.labels) == (21 if name.startswith("FCN") else 0)  # boxes are of no class of the background
    assert words in taken.without_size
    assert "resize" not in taken.arguments
