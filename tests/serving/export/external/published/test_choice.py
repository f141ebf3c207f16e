"""Of several published preprocessings the named one counts, then the weights', then the network's own."""

import json
from pathlib import Path

import pytest
from torch import nn

from tests.serving.export.external.published.test_huggingface_file import VIT
from tests.serving.export.external.published.test_timm_config import RESNET, network_with
from torchferry.errors import UserError
from torchferry.serving.export.external.published.choice import preprocessing_of, taken

NAME = "torchvision.models.ResNet18_Weights.DEFAULT"
PICTURES = ["image"]


def origin(named: str | None, weights: str | None, network: nn.Module) -> str | None:
    found = preprocessing_of(named, weights, network, PICTURES)
    return None if found is None else found.origin


def test_the_named_one_counts_then_the_weights_then_the_networks_own(tmp_path: Path) -> None:
    file, timms = tmp_path / "preprocessor_config.json", network_with(RESNET)
    file.write_text(json.dumps(VIT))
    alone = tmp_path / "alone" / "weights.pth"
    alone.parent.mkdir()
    for weights in (alone, tmp_path / "model.safetensors"):
        weights.touch()
    assert origin(str(file), NAME, timms) == str(file)
    assert origin(str(tmp_path), str(alone), timms) == str(file)
    assert origin(NAME, str(alone), timms) == "ResNet18_Weights.IMAGENET1K_V1"
    assert origin(None, NAME, timms) == "ResNet18_Weights.IMAGENET1K_V1"
    assert origin(None, str(tmp_path / "model.safetensors"), timms) == str(file)
    assert origin(None, str(alone), timms) == "the network's pretrained_cfg (resnet18.a1_in1k)"
    for none_beside in (None, "pretrained"):  # weights that timm publishes
        assert origin(None, none_beside, timms) == "the network's pretrained_cfg (resnet18.a1_in1k)"
    assert origin(None, str(alone), nn.Identity()) is None
    assert origin(None, None, nn.Identity()) is None


def test_what_has_no_picture_needs_none() -> None:
    video = "R3D_18_Weights.DEFAULT"
    assert preprocessing_of(None, video, nn.Identity(), ["tensor:FP32:3x16x112x112"]) is None
    with pytest.raises(UserError, match="--preprocess: is for pictures, and no --input is one"):
        preprocessing_of(NAME, None, nn.Identity(), ["table:8"])
    with pytest.raises(UserError, match=r"--weights: R3D_18_Weights\.KINETICS400_V1 prepares its samples by Video"):
        preprocessing_of(None, video, nn.Identity(), PICTURES)


def test_a_name_that_is_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="--preprocess: 'imagenet' is neither a file such as "):
        origin("imagenet", None, nn.Identity())


def test_what_is_taken_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    found = preprocessing_of(NAME, None, nn.Identity(), PICTURES)
    texts, arguments = taken(found, PICTURES, {"interpolation": "bicubic"})
    assert (texts, arguments["fraction"], arguments["interpolation"]) == (["image:224x224"], 0.875, "bicubic")
    assert capsys.readouterr().out.startswith("pictures as ResNet18_Weights.IMAGENET1K_V1 prepares them: shorter ")
    assert taken(None, ["image:8"], {"resize": "pad"}) == (["image:8"], {"resize": "pad"})
    assert capsys.readouterr().out == ""
