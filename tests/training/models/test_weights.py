"""Weights to start from fit the network, or are refused by the name of what does not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import AveragedModel

from torchferry.errors import UserError
from torchferry.training.config.recipe import WeightsConfig
from torchferry.training.models.weights import load_weights


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
        (
            {},
            ["fc.", "head."],
            r"weights.skip: no parameter begins with fc. or head.; 0.weight, 0.bias, 1.weight and 6 more$",
        ),
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


Weights = dict[str, torch.Tensor]


def load(network: nn.Module, content: object, folder: Path, name: str = "w.pth", **config: Any) -> str:
    """What is said of a file of `content`, without its name."""
    torch.save(content, folder / name)
    said = load_weights(network, WeightsConfig(source=str(folder / name), **config))
    return said.replace(f"weights from {folder / name}: ", "")


def of(network: nn.Module, before: str = "") -> Weights:
    return {before + name: value for name, value in network.state_dict().items()}


def moved(weights: Weights) -> Weights:
    return {name: value + 1 for name, value in weights.items()}


def test_nothing_is_said_of_a_file_that_is_the_networks_as_it_stands(tmp_path: Path) -> None:
    assert load(network(), of(trained()), tmp_path) == ""


@pytest.mark.parametrize(
    "before",
    [
        "module.",
        "_orig_mod.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "model.",
        "network.",
        "model.net.",
        "anything.",
    ],
)
def test_what_wrappers_put_before_all_names_is_taken_off(before: str, tmp_path: Path) -> None:
    given, mine = trained(), network()
    assert load(mine, of(given, before), tmp_path) == f"without '{before}' before its names"
    assert same(mine, given)


def test_what_torch_put_inside_the_names_is_taken_off(tmp_path: Path) -> None:
    given, mine = trained(), network()
    named = {name.replace(".", "._orig_mod.", 1): value for name, value in of(given).items()}
    assert load(mine, {f"module.{name}": value for name, value in named.items()}, tmp_path) == (
        "renamed, such as module.0._orig_mod.weight to module.0.weight; without 'module.' before its names"
    )
    assert same(mine, given)


def test_a_network_inside_another_takes_the_file_of_the_inner_one(tmp_path: Path) -> None:
    given, mine = trained(), nn.ModuleDict({"body": network(), "head": nn.Linear(2, 5)})
    said = load(mine, of(given), tmp_path, skip=["head."])
    assert said == "with 'body.' before its names"
    assert same(mine["body"], given)


@pytest.mark.parametrize(
    "key", ["model", "model_state_dict", "state_dict", "state_dict_ema", "ema", "net", "weights", "a.module", "a.b.c"]
)
def test_a_state_dict_is_found_wherever_it_lies(key: str, tmp_path: Path) -> None:
    given, mine = trained(), network()
    content: dict[str, Any] = of(given)
    for part in reversed(key.split(".")):
        content = {"epoch": 3, part: content, "optimizer": {"state": {0: {"step": torch.ones(())}}}}
    assert load(mine, content, tmp_path) == f"its {key}"
    assert same(mine, given)


def test_of_the_networks_own_weights_and_an_average_the_own_are_taken_unless_asked(tmp_path: Path) -> None:
    given, mine = trained(), network()
    content = {"state_dict_ema": moved(of(given)), "model": of(given), "scores": {"top1": torch.ones(())}}
    assert load(mine, content, tmp_path) == "its model, not its state_dict_ema"
    assert same(mine, given)
    assert load(mine, content, tmp_path, key="state_dict_ema") == "its state_dict_ema, not its model"
    assert torch.equal(mine.get_parameter("0.weight"), given.get_parameter("0.weight") + 1)


def test_of_several_the_one_that_fits_is_taken(tmp_path: Path) -> None:
    given, mine = trained(), network()
    other = of(nn.Linear(3, 4), "1.")
    assert load(mine, {"discriminator": other, "generator": of(given)}, tmp_path) == (
        "its generator, not its discriminator"
    )
    assert load(mine, {"wide": of(network(7)), "narrow": of(given)}, tmp_path) == "its narrow, not its wide"
    assert same(mine, given)


@pytest.mark.parametrize(
    ("keys", "config", "words"),
    [
        (
            ["student", "teacher"],
            {},
            r"weights.key: .*w.pth holds student and teacher, which all fit; name one of them",
        ),
        (["ema", "swa"], {}, "holds ema and swa, which all fit; name one"),
        (["model"], {"key": "modle"}, "weights.key: .* has no state_dict at modle; did you mean model?"),
        (["model", "x"], {"key": "generator"}, "no state_dict at generator; it has one at model, x$"),
        ([""], {"key": "model"}, "weights.key: .* is a state_dict itself, without keys; leave it out"),
        ([""], {"prefix": "body."}, "weights.prefix: nothing in .* begins so; leave it out"),
    ],
)
def test_what_cannot_be_told_apart_is_asked_for(
    keys: list[str], config: dict[str, Any], words: str, tmp_path: Path
) -> None:
    content = {key: of(trained()) for key in keys} if keys != [""] else of(trained())
    with pytest.raises(UserError, match=words):
        load(network(), content, tmp_path, **config)


def test_only_what_has_a_prefix_is_taken_if_the_recipe_says(tmp_path: Path) -> None:
    given, mine = trained(), network()
    content = {**moved(of(given, "teacher.")), **of(given, "student.module."), "loss.weight": torch.ones(3)}
    with pytest.raises(UserError, match=r"which it has after teacher\. and student\.module\.; give one to take that"):
        load(mine, content, tmp_path)
    said = load(mine, content, tmp_path, prefix="student.")
    assert (
        said
        == "without 'module.' before its names; left out teacher.0.weight, teacher.0.bias, teacher.1.weight and 7 more"
    )
    assert same(mine, given)


def test_an_average_by_torch_is_taken_without_its_counter(tmp_path: Path) -> None:
    given, mine = trained(), network()
    averaged = AveragedModel(given, use_buffers=True)
    assert load(mine, averaged.state_dict(), tmp_path) == "without 'module.' before its names; left out n_averaged"
    assert same(mine, given)


def test_batchnorms_counter_may_be_missing_or_too_much(tmp_path: Path) -> None:
    given, mine = trained(), network()
    old = {name: value for name, value in of(given).items() if not name.endswith("num_batches_tracked")}
    assert load(mine, old, tmp_path) == ""
    assert torch.equal(mine.get_buffer("1.running_mean"), given.get_buffer("1.running_mean"))
    assert mine.get_buffer("1.num_batches_tracked") == 0
    assert mine.load_state_dict(old, strict=True)  # as torch itself does
    plain = nn.Sequential(nn.Linear(3, 4), nn.GroupNorm(1, 4))
    with_counter = {**of(plain), "1.num_batches_tracked": torch.tensor(7)}
    assert load(plain, with_counter, tmp_path) == "left out 1.num_batches_tracked"


def test_what_is_skipped_is_named(tmp_path: Path) -> None:
    assert load(network(5), {"model": of(trained())}, tmp_path, skip=["2."]) == "its model; left out 2.weight, 2.bias"
    with pytest.raises(UserError, match=r"weights\.skip: leaves nothing to be taken"):
        load(network(), of(trained()), tmp_path, skip=["0", "1", "2"])


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)
        self.second.weight = self.first.weight


@pytest.mark.parametrize("left", ["first.weight", "second.weight", None])
def test_one_name_is_enough_for_weights_that_layers_share(left: str | None, tmp_path: Path) -> None:
    given, mine = Tied(), Tied()
    assert load(mine, {name: value for name, value in of(given).items() if name != left}, tmp_path) == ""
    assert same(mine, given)


def test_two_that_differ_are_refused_for_weights_that_layers_share(tmp_path: Path) -> None:
    mine = Tied()
    before = mine.first.weight.clone()
    with pytest.raises(UserError, match=r"one tensor between first\.weight and second\.weight, but the file has two"):
        load(mine, {**of(Tied()), "first.weight": torch.ones(3, 3)}, tmp_path)
    assert torch.equal(mine.first.weight, before)


def test_types_are_converted_and_said(tmp_path: Path) -> None:
    given, mine = trained(), network()
    half = {name: value.half() if value.is_floating_point() else value for name, value in of(given).items()}
    assert load(mine, half, tmp_path) == "float16 becomes float32"
    assert mine.get_parameter("0.weight").dtype == torch.float32
    assert torch.equal(mine.get_parameter("0.weight"), half["0.weight"].float())


def test_resnets_file_by_torchvision_has_no_counters_and_starts_a_finetuning(tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    given, mine = models.resnet18(), models.resnet18(num_classes=3)
    with torch.no_grad():
        given(torch.rand(2, 3, 32, 32))
    old = {name: value for name, value in of(given).items() if "num_batches_tracked" not in name}
    assert load(mine, old, tmp_path, "resnet18-f37072fd.pth", skip=["fc."]) == "left out fc.weight, fc.bias"
    assert torch.equal(mine.layer4[1].bn2.running_var, given.layer4[1].bn2.running_var)


def test_densenets_file_has_the_names_of_its_time(tmp_path: Path) -> None:
    models = pytest.importorskip("torchvision.models")
    made = {"growth_rate": 2, "block_config": (1, 1), "num_init_features": 4, "num_classes": 3}
    given, mine = (models.DenseNet(**made) for _ in range(2))
    old = {name.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value for name, value in of(given).items()}
    assert old.keys() != of(given).keys()
    assert load(mine, old, tmp_path).startswith("renamed, such as features.denseblock1.denselayer1.norm.1.")
    assert same(mine, given)
