"""Files of weights that are given alone: the command that takes them."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from tests.serving.export.external.linear import linear
from torchferry.errors import UserError
from torchferry.serving.export.export_command import main, parser
from torchferry.serving.export.external.checkpoint_file import is_checkpoint, way_with
from torchferry.serving.export.external.external_model import load_given

STATE = nn.Linear(3, 2).state_dict()
LIGHTNING = {"pytorch-lightning_version": "2.6.0", "epoch": 3}


def checkpoint(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            STATE,
            "holds weights and no graph; name its network: torchferry export --model MODULE:CLASS --weights {} --in",
        ),
        (
            {f"module.{name}": value for name, value in STATE.items()},
            "--weights {} --weights-prefix module. --input KIND",
        ),
        (
            {**LIGHTNING, "state_dict": {f"net.{name}": value for name, value in STATE.items()}},
            "is a checkpoint of Lightning's, which holds weights and no graph; name its network: torchferry export "
            "--model MODULE:CLASS --weights {} --weights-prefix net. --input KIND; of the LightningModule itself leave "
            "net. out",
        ),
        (
            {**LIGHTNING, "state_dict": STATE, "hyper_parameters": {"_class_path": "mine.nets.Net", "width": 3}},
            "torchferry export --model mine.nets.Net --weights {} --input KIND",
        ),
        (
            {**LIGHTNING, "state_dict": STATE, "hyper_parameters": {"_class_path": "x; rm -r /"}},
            "torchferry export --model MODULE:CLASS --weights {} --input KIND",
        ),
        (
            {"arch": "resnet18", "epoch": 3, "state_dict": STATE, "version": 2},
            "is a training checkpoint of the architecture resnet18, which holds weights and no graph; name its "
            "network: torchferry export --model timm/resnet18 --weights {} --input KIND",
        ),
        (
            {"arch": "resnet18", "epoch": 3, "state_dict": STATE, "best_acc1": 0.7},
            "of the architecture resnet18, which holds weights and no graph; name its network: torchferry export "
            "--model MODULE:CLASS --weights {} --input KIND",
        ),
    ],
)
def test_the_command_is_named(tmp_path: Path, content: Any, words: str) -> None:
    path = checkpoint(tmp_path / "last.ckpt", content)
    assert is_checkpoint(path, ["last/data.pkl"])
    assert words.format(path) in way_with(path)


def test_weights_of_a_folder_name_the_folder(tmp_path: Path) -> None:
    save_file(STATE, path := tmp_path / "model.safetensors")
    assert is_checkpoint(path, [])
    assert "name its network" in way_with(path)
    (tmp_path / "config.json").write_text("{}")
    assert way_with(path) == f"{path}: holds the weights of a folder; give that: torchferry export {tmp_path}"


def test_a_pickle_of_more_than_tensors_names_the_way_to_convert_it(tmp_path: Path) -> None:
    (path := tmp_path / "net.pt").write_bytes(pickle.dumps(nn.Linear(3, 2), 2))
    with pytest.raises(
        UserError, match=r"net.pt is a pickle of more than tensors, which could run code; save its state_di"
    ):
        way_with(path)


def test_a_file_beside_a_model_is_its_weights(tmp_path: Path) -> None:
    """Under any name, and as a link."""
    content = {**LIGHTNING, "state_dict": {f"net.{name}": value for name, value in STATE.items()}}
    link = tmp_path / "last.ckpt"
    link.symlink_to(checkpoint(tmp_path / "blob", content))
    options = linear(3, 2)
    main([str(link), *options, "--variants", "onnx-fp32", "-o", str(tmp_path / "bundle")])
    reference = load_given(parser().parse_args([*options, "--weights", str(link)]))
    torch.testing.assert_close(reference.module.model.network.weight, STATE["weight"])  # type: ignore[union-attr]
    with pytest.raises(UserError, match=r"last.ckpt: is a checkpoint of Lightning's"):
        main([str(link), "-o", str(tmp_path / "other")])
    assert not (tmp_path / "other").exists()
    with pytest.raises(UserError, match="beside --model a file is its weights, and --weights names some; give one of"):
        main([str(link), *options, "--weights", str(link)])
