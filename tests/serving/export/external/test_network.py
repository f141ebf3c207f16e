"""The network that --model names: unwrapped, named by what tells it apart, and truthful about its weights."""

import argparse
import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.serving import signatures
from torchferry.errors import UserError
from torchferry.serving.export.export_command import parser
from torchferry.serving.export.external.network import build_network, name_of, origin

HERE = "tests.serving.signatures"


def options(model: str, *words: object) -> argparse.Namespace:
    return parser().parse_args(["--model", model, *map(str, words)])


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (f"{HERE}:build", "Loaded"),
        (f"{HERE}.create_layers", "signatures"),  # torch's Sequential is nobody's name
        (f"{HERE}.Loaded", "Loaded"),
        (f"{HERE}:Loaded.from_pretrained", "Loaded"),
        ("tests.serving.networks.one_logit", "one_logit"),
        ("linear", "linear"),
    ],
)
def test_a_bundle_is_named_by_what_tells_the_network_apart(model: str, name: str) -> None:
    arguments = '{"in_features": 8, "out_features": 2}' if model == "linear" else "{}"
    given = options(model, "--model-args", arguments)
    assert name_of(given, build_network(given)) == name
    assert name_of(options(model, "--name", "mine"), nn.Identity()) == "mine"


def test_before_the_network_is_there_the_last_word_is_checked() -> None:
    assert name_of(options(f"{HERE}:build")) == "build"
    assert name_of(parser().parse_args(["some/run", "--name", "mine"])) == "mine"
    with pytest.raises(UserError, match="--name: '_hidden' cannot be a name"):
        name_of(options("nowhere:_hidden"))


def test_a_path_that_leads_to_no_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"--model: \./nowhere is not there; give a file or a folder with a model, timm/NA"
    ):
        name_of(options("./nowhere"))
    with pytest.raises(UserError, match=r"has no model: no config.json, nor weights; give a file or a folder"):
        name_of(options(str(tmp_path)))
    assert name_of(options("timm/resnet18.a1_in1k")) == "resnet18.a1_in1k"


def test_a_class_that_nothing_can_be_called_after_needs_a_name() -> None:
    class Größe(nn.Module):
        pass

    with pytest.raises(UserError, match="--name: 'Größe' cannot be a name; up to 100 letters"):
        name_of(options(f"{HERE}:build"), Größe())


def test_a_classmethod_makes_a_network_with_arguments() -> None:
    network = build_network(options(f"{HERE}.Loaded.from_pretrained", "--model-args", '{"size": 5}'))
    assert isinstance(network, signatures.Loaded)
    assert network.layer.out_features == 5
    for model, words in [
        (f"{HERE}.Loaded.from_nowhere", "Loaded.from_nowhere"),
        (f"{HERE}.Missing.from_pretrained", f"--model: cannot import '{HERE}.Missing.from_pretrained'"),
        (f"{HERE}.HERE.from_pretrained", "--model: cannot import"),
    ]:
        with pytest.raises(UserError, match=words):
            build_network(options(model))


def test_only_what_cannot_have_loaded_anything_is_random(tmp_path: Path) -> None:
    assert origin(options("linear"))["weights"] == "random"
    built = f"{HERE}:build"
    assert origin(options(built)) == {"model": built, "weights": f"as built by {built}"}
    save_file(signatures.build().state_dict(), tmp_path / "some.safetensors")
    digest = hashlib.sha256((tmp_path / "some.safetensors").read_bytes()).hexdigest()
    given = options(built, "--weights", tmp_path / "some.safetensors")
    assert origin(given) == {"model": built, "weights": "some.safetensors", "weights_sha256": digest}
    assert origin(options(built, "--weights", "ResNet18_Weights.DEFAULT"))["weights"] == "ResNet18_Weights.DEFAULT"


def test_what_is_wrapped_is_taken_out() -> None:
    assert isinstance(build_network(options(f"{HERE}:compiled")), signatures.Collisions)
    assert isinstance(build_network(options(f"{HERE}:parallel")), signatures.Loaded)


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
def test_a_scripted_network_is_refused_and_a_traced_one_is_not() -> None:
    with pytest.raises(UserError, match=r"gives a torch\.jit\.script module, which torch\.export cannot trace"):
        build_network(options(f"{HERE}:scripted"))
    assert isinstance(build_network(options(f"{HERE}:traced")), torch.jit.ScriptModule)
