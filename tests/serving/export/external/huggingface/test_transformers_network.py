"""Networks of transformers, from their folders alone."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.serving.export.external.huggingface.folders import config_of, loaded, saved
from torchferry.errors import UserError
from torchferry.serving.export.external.huggingface.transformers_network import transformers_network

transformers = pytest.importorskip("transformers", reason="transformers is not installed")
VIT = "ViTForImageClassification"
PICTURES = torch.zeros(2, 3, 32, 32)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a folder needs no network")

    monkeypatch.setattr(socket.socket, "connect", refused)


def changed(file: Path, **values: torch.Tensor | None) -> None:
    """Tensors by the ends of their names; without those of None."""
    state = load_file(file)
    for name, value in values.items():
        (own,) = [each for each in state if each == name.replace("__", ".")]
        del state[own]
        if value is not None:
            state[own] = value
    save_file(state, file, {"format": "pt"})


@torch.no_grad()
def test_each_way_that_weights_are_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = saved(tmp_path / "net", VIT)
    expected = loaded(folder, VIT)(PICTURES).logits
    config_of(folder, return_dict=False)
    state = load_file(folder / "model.safetensors")
    network: Any
    network, architecture = transformers_network(folder)
    assert (architecture, network.training, network.config.return_dict) == (VIT, False, True)
    torch.testing.assert_close(network(PICTURES).logits, expected)
    assert capsys.readouterr().out == ""

    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    torch.testing.assert_close(transformers_network(folder)[0](PICTURES).logits, expected)

    (folder / "pytorch_model.bin").unlink()
    network.save_pretrained(folder, max_shard_size="10KB")
    assert (folder / "model.safetensors.index.json").exists()
    torch.testing.assert_close(transformers_network(folder)[0](PICTURES).logits, expected)


def test_a_snapshot_of_the_cache_is_taken(tmp_path: Path) -> None:
    blobs = saved(tmp_path / "models--a--net" / "blobs", VIT)
    snapshot = tmp_path / "models--a--net" / "snapshots" / "abc"
    snapshot.mkdir(parents=True)
    for name in ("config.json", "model.safetensors"):
        (blobs / name).rename(blobs / name[:3])
        (snapshot / name).symlink_to(f"../../blobs/{name[:3]}")
    assert transformers_network(snapshot)[1] == VIT


def test_half_precision_becomes_float32_and_that_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = saved(tmp_path / "net", VIT)
    state = {name: value.bfloat16() for name, value in load_file(folder / "model.safetensors").items()}
    save_file(state | {"extra.bias": torch.zeros(1)}, folder / "model.safetensors", {"format": "pt"})
    config_of(folder, dtype="bfloat16")
    network, _ = transformers_network(folder)
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    said = capsys.readouterr().out
    assert said == f"weights from {folder / 'model.safetensors'}: bfloat16 becomes float32; left out extra.bias\n"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"classifier__weight": None},
            "has no classifier.weight, which ViTForImageClassification needs and would have",
        ),
        ({"classifier__bias": torch.zeros(4)}, r"another model: its classifier.bias is \[4\], the model's is \[3\]"),
        ({"classifier__bias": torch.full((3,), torch.nan)}, "its classifier.bias has values that are not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(tmp_path: Path, values: Any, words: str) -> None:
    folder = saved(tmp_path / "net", VIT)
    changed(folder / "model.safetensors", **values)
    with pytest.raises(UserError, match=words):
        transformers_network(folder)


def test_the_weights_of_a_network_without_its_head_are_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "net", "ViTModel")
    config_of(folder, architectures=[VIT])
    with pytest.raises(UserError, match=r"has no classifier.bias, classifier.weight, which"):
        transformers_network(folder)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"architectures": None}, "architectures says no class; one of transformers' classes is needed"),
        ({"architectures": ["A", "B"]}, "architectures says A, B"),
        (
            {"architectures": ["ViTForImageClasification"]},
            "has no ViTForImageClasification; did you mean ViTForImageCl",
        ),
        (
            {"architectures": ["Own"], "auto_map": {"AutoModel": "own.Own"}},
            r"auto_map: Own is code of the folder's own",
        ),
        ({"architectures": ["Own"], "auto_map": "own.Own"}, r"auto_map: Own is code of the folder's own \(own.py\)"),
        ({"architectures": ["AutoModel"]}, "architectures: AutoModel of transformers is no network; name the class"),
        ({"architectures": ["pipeline"]}, "architectures: pipeline of transformers is no network; name the class"),
        ({"quantization_config": {"quant_method": "gptq"}}, r"quantization_config: the weights are quantised \(gptq\)"),
        ({"hidden_size": "many"}, "transformers cannot load ViTForImageClassification"),
    ],
)
def test_a_config_that_cannot_be_followed_is_refused(tmp_path: Path, keys: dict[str, Any], words: str) -> None:
    folder = saved(tmp_path / "net", VIT)
    config_of(folder, **keys)
    with pytest.raises(UserError, match=words) as refused:
        transformers_network(folder)
    assert "\n" not in str(refused.value)


def test_where_transformers_is_missing_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(tmp_path / "net", VIT)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UserError, match="is a class of transformers, which is not installed; pip install transformers"):
        transformers_network(folder)
    assert json.loads((folder / "config.json").read_text())["architectures"] == [VIT]
