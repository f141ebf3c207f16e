"""Torchvision's segmentation networks by name take files of its weights, and learn other classes."""

from pathlib import Path

import pytest
import torch
from torchvision.models import segmentation

from torchferry.errors import UserError
from torchferry.training.config.recipe import WeightsConfig
from torchferry.training.models.torchvision_segmenter import NAMES, torchvision_segmenter
from torchferry.training.models.weights import load_weights

SMALLEST = "lraspp_mobilenet_v3_large"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 21 classes, as torchvision publishes them."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("weights") / "lraspp.pth"
    torch.save(segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None).state_dict(), file)
    return file


def test_a_name_is_torchvisions_network_with_an_auxiliary_head_where_it_has_one() -> None:
    assert set(NAMES) == {name for name in dir(segmentation) if name.startswith(("lraspp_", "deeplabv3_", "fcn_"))}
    network = torchvision_segmenter(SMALLEST, 5).eval()
    given = network(torch.zeros(2, 3, 32, 32))
    assert {name: value.shape for name, value in given.items()} == {"out": (2, 5, 32, 32)}
    deep = torchvision_segmenter("deeplabv3_mobilenet_v3_large", 5)
    assert any(name.startswith("aux_classifier") for name in deep.state_dict())
    assert torchvision_segmenter("deeplabv3_mobilenet_v3_large", 5, auxiliary=False).aux_classifier is None


@pytest.mark.parametrize(("name", "classes", "words"), [("lraspp", 5, "none of lraspp_"), (SMALLEST, 1, "classes 1")])
def test_another_name_and_a_single_class_are_refused(name: str, classes: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        torchvision_segmenter(name, classes)


def test_weights_of_torchvision_fit_and_other_classes_are_drawn_anew(weights: Path) -> None:
    saved = torch.load(weights, weights_only=True)
    network = torchvision_segmenter(SMALLEST, 21)
    load_weights(network, WeightsConfig(source=str(weights)))
    assert all(torch.equal(value, saved[name]) for name, value in network.state_dict().items())
    three = torchvision_segmenter(SMALLEST, 3)
    with pytest.raises(UserError, match=r"its classifier\.low_classifier\.weight is \[21, 40, 1, 1\], the model's is"):
        load_weights(three, WeightsConfig(source=str(weights)))
    said = load_weights(three, WeightsConfig(source=str(weights), skip=["classifier.low", "classifier.high"]))
    assert "left out classifier.low_classifier.weight" in said
    assert torch.equal(three.state_dict()["classifier.cbr.0.weight"], saved["classifier.cbr.0.weight"])
