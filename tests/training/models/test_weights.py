"""Weights to start from fit the network, or are refused by the name of what does not."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from torchferry.errors import UserError
from torchferry.training.config.recipe import WeightsConfig
from torchferry.training.models.weights import load_weights

PLAIN = "SqueezeNet1_1_Weights.DEFAULT"
CACHED = "squeezenet1_1-b8a52dc0.pth"


def network(outputs: int = 2) -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, outputs))


def same(one: nn.Module, other: nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())


def trained() -> nn.Sequential:
    """One whose BatchNorm has seen something."""
    given = network()
    given(torch.rand(8, 3))
    return given


@pytest.mark.parametrize(
    ("name", "save"),
    [
        ("w.safetensors", save_file),
        ("w.pth", torch.save),
        ("w.pt", torch.save),
        ("w.pth", lambda weights, file: torch.save({"state_dict": weights, "epoch": 3}, file)),
    ],
)
def test_a_file_becomes_the_networks_weights(name: str, save: Callable[..., None], tmp_path: Path) -> None:
    given, mine = trained(), network()
    save(given.state_dict(), tmp_path / name)
    load_weights(mine, WeightsConfig(source=str(tmp_path / name)))
    assert same(mine, given)


def test_what_is_skipped_stays_and_may_be_of_another_shape(tmp_path: Path) -> None:
    given, mine = trained(), network(outputs=5)
    torch.save(given.state_dict(), tmp_path / "w.pth")
    head = mine.state_dict()["2.weight"].clone()
    load_weights(mine, WeightsConfig(source=str(tmp_path / "w.pth"), skip=["2."]))
    assert same(mine[:2], given[:2])
    assert torch.equal(mine.state_dict()["2.weight"], head)


@pytest.mark.parametrize(
    ("change", "skip", "words"),
    [
        ({"0.bias": None, "1.bias": None}, [], "is for another model: it has no 0.bias, 1.bias$"),
        ({"head": torch.zeros(1)}, [], "is for another model, which has head as well"),
        ({"0.weight": torch.zeros(4, 5)}, [], r"its 0.weight is \[4, 5\], the model's is \[4, 3\]"),
        ({}, ["fc.", "head."], r"weights.skip: no parameter begins with fc. or head.; 0.weight, 0.bias, 1.weight$"),
        ({"0.weight": 3}, [], "holds a dict, not a state_dict of tensors"),
    ],
)
def test_weights_of_another_model_are_refused_and_change_nothing(
    change: dict[str, object], skip: list[str], words: str, tmp_path: Path
) -> None:
    weights = {**trained().state_dict(), **change}
    torch.save({name: value for name, value in weights.items() if value is not None}, tmp_path / "w.pth")
    mine, untouched = network(), network()
    untouched.load_state_dict(mine.state_dict())
    with pytest.raises(UserError, match=words):
        load_weights(mine, WeightsConfig(source=str(tmp_path / "w.pth"), skip=skip))
    assert same(mine, untouched)


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"not weights at all"])
def test_a_file_that_cannot_be_read_is_one_line(name: str, content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=r"weights.source: (cannot read )?.*/w\.") as refused:
        load_weights(network(), WeightsConfig(source=str(tmp_path / name)))
    assert "\n" not in str(refused.value)


def test_a_pickle_that_could_run_code_is_refused(tmp_path: Path) -> None:
    torch.save(network(), tmp_path / "w.pth")
    with pytest.raises(UserError, match="is a pickle of more than tensors, which could run code; save its state_dict"):
        load_weights(network(), WeightsConfig(source=str(tmp_path / "w.pth")))


def test_a_list_is_no_state_dict(tmp_path: Path) -> None:
    torch.save([torch.zeros(1)], tmp_path / "w.pth")
    with pytest.raises(UserError, match="holds a list, not a state_dict of tensors"):
        load_weights(network(), WeightsConfig(source=str(tmp_path / "w.pth")))


def test_torchvisions_weights_go_by_their_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they lie where torch.hub keeps what it has downloaded."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    given, mine = trained(), network()
    torch.save(given.state_dict(), tmp_path / "hub" / "checkpoints" / CACHED)
    load_weights(mine, WeightsConfig(source=PLAIN))
    assert same(mine, given)


def test_without_a_network_it_says_where_the_file_belongs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    file = tmp_path / "hub" / "checkpoints" / CACHED
    with pytest.raises(UserError, match=f"cannot download {PLAIN} .URLError: .*; put the file at {file}, or name"):
        load_weights(network(), WeightsConfig(source=PLAIN))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["resnet", "Nothing_Weights.DEFAULT", "SqueezeNet1_1_Weights.NOTHING", ""])
def test_a_name_that_torchvision_does_not_know_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"weights.source: '{name}' is neither a .safetensors or .pth file nor one of"):
        load_weights(network(), WeightsConfig(source=name))
