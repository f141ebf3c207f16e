"""A file of weights is read by its content, whatever its name, and no code of it runs."""

import argparse
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from torchferry.errors import UserError
from torchferry.training.models.weights_file import read

WEIGHTS = {"a": torch.arange(3.0), "b": torch.ones(2, dtype=torch.float16)}


def legacy(content: object, file: Path) -> None:
    torch.save(content, file, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize("save", [save_file, torch.save, legacy])
@pytest.mark.parametrize(
    "name", ["w.safetensors", "w.ckpt", "w.pth.tar", "w.bin", "w.PTH", "w.pt", "w.th", "w.SAFETENSORS", "w", "w.json"]
)
def test_any_name_will_do(save: Callable[[Any, Path], None], name: str, tmp_path: Path) -> None:
    save(WEIGHTS, tmp_path / name)
    content = read(tmp_path / name)
    assert content.keys() == WEIGHTS.keys()
    assert all(
        torch.equal(value, WEIGHTS[name]) and value.dtype == WEIGHTS[name].dtype for name, value in content.items()
    )


@pytest.mark.parametrize("save", [torch.save, legacy])
def test_hyper_parameters_and_scores_beside_weights_are_left_out(
    save: Callable[[Any, Path], None], tmp_path: Path
) -> None:
    beside = {
        "args": argparse.Namespace(lr=0.1, out=Path("x")),
        "best": np.float64(0.5),
        "curve": np.ones(3),
        "epoch": 3,
    }
    save({"state_dict": WEIGHTS, **beside}, tmp_path / "last.ckpt")
    content = read(tmp_path / "last.ckpt")
    assert torch.equal(content["state_dict"]["a"], WEIGHTS["a"])
    assert content["epoch"] == 3
    assert {type(content[name]).__name__ for name in ("args", "best", "curve")} == {"LeftOut"}


class AttributeDict(dict[str, Any]):
    """Named as Lightning names its own."""


AttributeDict.__module__ = "pytorch_lightning.utilities.parsing"


def test_lightnings_hyper_parameters_are_plain_dicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsing = type(pickle)("pytorch_lightning.utilities.parsing")
    parsing.AttributeDict = AttributeDict  # type: ignore[attr-defined]  # as long as it is written
    with monkeypatch.context() as installed:
        for name in ("pytorch_lightning", "pytorch_lightning.utilities", parsing.__name__):
            installed.setitem(__import__("sys").modules, name, parsing)
        torch.save({"state_dict": WEIGHTS, "hyper_parameters": AttributeDict(lr=0.1)}, tmp_path / "last.ckpt")
    assert read(tmp_path / "last.ckpt")["hyper_parameters"] == {"lr": 0.1}


class Planted:
    """Writes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.file,)


@pytest.mark.parametrize("save", [torch.save, legacy])
@pytest.mark.parametrize("kind", ["planted", "network", "path"])
def test_a_pickle_that_could_run_code_is_refused(kind: str, save: Callable[[Any, Path], None], tmp_path: Path) -> None:
    planted = {"planted": {"state_dict": WEIGHTS, "x": Planted(tmp_path / "ran")}, "network": nn.Linear(2, 2)}
    save(planted.get(kind, tmp_path), tmp_path / "w.pth")
    with pytest.raises(
        UserError, match="is a pickle of more than tensors, which could run code; save its state_dict"
    ) as no:
        read(tmp_path / "w.pth")
    assert "\n" not in str(no.value)
    assert not (tmp_path / "ran").exists()


def test_a_torchscript_archive_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "w.pt"
    with zipfile.ZipFile(file, "w") as archive:
        for part in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"w/{part}", b"")
    with pytest.raises(UserError, match=r"w.pt is a TorchScript archive, which holds code; save its state_dict\(\)"):
        read(file)


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot read .*: FileNotFoundError"),
        (b"", r"is empty$"),
        (b"not weights at all", ""),
        (b"PK\x03\x04", r"was cut short, or is damaged; fetch it again$"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "is a pointer of Git LFS, not the file itself"),
        (b"\n<!DOCTYPE html><html>", "is a page of HTML or XML"),
        (b"\x89HDF\r\n\x1a\n", "is an HDF5 file, as Keras writes it"),
        (b"\x1f\x8b\x08", "is compressed with gzip"),
        (b'{"metadata": {}}', "is JSON, but no index of shards"),
        (b"[]", ""),
        (b'{"weight_map": ', "cannot read .*: JSONDecodeError"),
        ((9).to_bytes(8, "little") + b"{}", "was cut short"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_line(content: bytes | None, words: str, name: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=rf"^weights.source: .*{words}") as refused:
        read(tmp_path / name)
    assert str(tmp_path / name) in str(refused.value)
    assert "\n" not in str(refused.value)


def index(folder: Path, places: dict[str, str]) -> Path:
    file = folder / "model.safetensors.index.json"
    file.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return file


def test_shards_are_put_together(tmp_path: Path) -> None:
    save_file({"a": WEIGHTS["a"]}, tmp_path / "model-00001-of-00002.safetensors")
    torch.save({"b": WEIGHTS["b"]}, tmp_path / "pytorch_model-00002-of-00002.bin")
    places = {"a": "model-00001-of-00002.safetensors", "b": "pytorch_model-00002-of-00002.bin"}
    assert read(index(tmp_path, places)).keys() == {"a", "b"}
    with pytest.raises(UserError, match=r"names c in model-00001-of-00002\.safetensors, which has none"):
        read(index(tmp_path, places | {"c": places["a"]}))
    with pytest.raises(UserError, match=r"cannot read .*gone\.bin: FileNotFoundError"):
        read(index(tmp_path, {"a": "gone.bin"}))


def test_of_a_folder_the_file_in_it_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is a folder; name the file in it$"):
        read(tmp_path)
    save_file(WEIGHTS, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=r"is a folder; name the file in it, such as .*/model\.safetensors$"):
        read(tmp_path)
