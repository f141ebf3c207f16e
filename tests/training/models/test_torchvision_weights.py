"""Torchvision's weights go by their name."""

from pathlib import Path

import pytest
import torch

from torchferry.errors import UserError
from torchferry.training.models.torchvision_weights import named_weights, torchvision_weights

PLAIN = "SqueezeNet1_1_Weights.DEFAULT"
CACHED = "squeezenet1_1-b8a52dc0.pth"


def test_they_are_taken_from_where_torch_hub_keeps_what_it_has_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    torch.save({"a": torch.ones(2)}, tmp_path / "hub" / "checkpoints" / CACHED)
    assert torchvision_weights(PLAIN)["a"].tolist() == [1, 1]


def test_without_a_network_it_says_where_the_file_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request._opener", None)  # it would keep the proxy, for other tests too
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    file = tmp_path / "hub" / "checkpoints" / CACHED
    with pytest.raises(UserError, match=f"cannot download {PLAIN} .URLError: .*; put the file at {file}, or name"):
        torchvision_weights(PLAIN)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("path", ["", "torchvision.models.", "torchvision.models.squeezenet."])
def test_a_name_may_be_an_import_path(path: str) -> None:
    assert str(named_weights(f"{path}{PLAIN}")) == "SqueezeNet1_1_Weights.IMAGENET1K_V1"


def test_int8_weights_are_refused_with_the_float_ones() -> None:
    words = "are int8 weights, .*; ResNet18_Weights.IMAGENET1K_V1 are the same in float32"
    with pytest.raises(UserError, match=f"weights.source: ResNet18_QuantizedWeights.DEFAULT {words}"):
        torchvision_weights("ResNet18_QuantizedWeights.DEFAULT")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("SqueezNet1_1_Weights.DEFAULT", "SqueezeNet1_1_Weights"),
        ("SqueezeNet1_1_Weights.IMAGENET1K_V2", "SqueezeNet1_1_Weights.IMAGENET1K_V1"),
    ],
)
def test_the_nearest_name_is_said(name: str, nearest: str) -> None:
    with pytest.raises(UserError, match=rf"such as ResNet18_Weights.DEFAULT; did you mean {nearest}\?$"):
        torchvision_weights(name)


@pytest.mark.parametrize(
    "name",
    ["resnet", "elsewhere.ResNet18_Weights.DEFAULT", "Nothing_Weights.DEFAULT", "SqueezeNet1_1_Weights.NOTHING", ""],
)
def test_a_name_that_torchvision_does_not_know_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"weights.source: '{name}' is neither a .safetensors or .pth file nor one of"):
        torchvision_weights(name)
