"""A timm network's configuration, against timm's own reading and transforms where it is installed."""

from typing import Any

import pytest
import torch
from torch import nn

from tests.serving.export.external.published.photographs import apart, input_of, photographs, pixels_of
from torchferry.errors import UserError
from torchferry.serving.export.external.published.timm_config import from_config, timm_config

RESNET = {
    "architecture": "resnet18",
    "tag": "a1_in1k",
    "input_size": (3, 224, 224),
    "test_input_size": (3, 288, 288),
    "interpolation": "bicubic",
    "crop_pct": 0.95,
    "crop_mode": "center",
    "mean": (0.485, 0.456, 0.406),
    "std": (0.229, 0.224, 0.225),
}


def network_with(config: Any) -> nn.Module:
    network = nn.Identity()
    network.pretrained_cfg = config
    return network


def test_a_config_is_taken() -> None:
    taken = timm_config(network_with(RESNET))
    assert taken is not None
    assert (taken.origin, taken.size) == ("the network's pretrained_cfg (resnet18.a1_in1k)", (224, 224))
    assert taken.arguments == {
        "resize": "crop",
        "fraction": 0.95,
        "interpolation": "bicubic",
        "mean": (0.485, 0.456, 0.406),
        "std": (0.229, 0.224, 0.225),
    }


def test_what_a_config_leaves_out_is_as_timm_has_it() -> None:
    """DEFAULT_CROP_PCT and the rest of resolve_data_config."""
    taken = from_config({}, "x")
    assert (taken.size, taken.arguments["fraction"]) == ((224, 224), 0.875)
    assert (taken.arguments["resize"], taken.arguments["interpolation"]) == ("crop", "bicubic")
    assert taken.arguments["mean"] == (0.485, 0.456, 0.406)


@pytest.mark.parametrize(("mode", "resize"), [("center", "crop"), ("squash", "squash"), ("border", "pad")])
def test_the_ways_to_crop(mode: str, resize: str) -> None:
    assert from_config({"crop_mode": mode}, "x").arguments["resize"] == resize


def test_a_way_to_crop_that_is_not_known_is_refused() -> None:
    with pytest.raises(UserError, match="x has crop_mode corner; center, squash, border are known"):
        from_config({"crop_mode": "corner"}, "x")


def test_a_fraction_that_misses_a_whole_number_is_rounded_down_as_timm_does() -> None:
    share = 224 / (256 - 1e-9)  # timm resizes to 255; the contract takes such a thing for 256
    assert from_config({"crop_pct": share}, "x").arguments["fraction"] == pytest.approx(224 / 255)


def test_a_network_without_one_has_nothing() -> None:
    assert timm_config(nn.Identity()) is None


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("resnet18", {}),
        ("resnet18", {"crop_mode": "squash", "crop_pct": 0.9}),
        ("resnet18", {"crop_mode": "border", "crop_pct": 0.9}),
        ("resnet18", {"input_size": (3, 128, 192), "interpolation": "bilinear"}),
        ("vit_tiny_patch16_224", {}),
        ("convnext_atto", {}),
        ("mobilenetv3_small_050", {}),
    ],
)
def test_it_is_timms_own_evaluation(name: str, changed: dict[str, Any]) -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed")
    network = timm.create_model(name, pretrained=False)
    network.pretrained_cfg = network.pretrained_cfg | changed
    taken, resolved = timm_config(network), timm.data.resolve_data_config({}, model=network)
    assert taken is not None
    assert (3, *(taken.size or ())) == resolved["input_size"]
    assert taken.arguments["mean"] == resolved["mean"]
    input = input_of(taken)
    theirs = timm.data.create_transform(**resolved, normalize=False)
    for photograph in photographs():
        pixels = torch.as_tensor(theirs(photograph))
        assert apart(pixels_of(photograph, input), pixels) <= 1
