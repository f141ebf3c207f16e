"""A model of another framework is called by its name, with what makes an ONNX graph of it."""

import io
import pickle
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from tests.serving.export.onnx_graphs.graphs import ROWS, written
from torchferry.errors import UserError
from torchferry.serving.export.external.file_kind import FileKind, kind_of_file
from torchferry.serving.export.external.foreign_model import foreign_folder
from torchferry.serving.export.external.huggingface.model_folder import FolderKind, kind_of_folder


def zipped(*names: str) -> bytes:
    with zipfile.ZipFile(made := io.BytesIO(), "w") as archive:
        for name in names:
            archive.writestr(name, "{}")
    return made.getvalue()


def saved(save: Callable[[Any], Any]) -> bytes:
    save(made := io.BytesIO())
    return made.getvalue()


def message(field: int, content: bytes) -> bytes:
    """A field of a protobuf message."""
    tag = field << 3 | 2
    return (bytes([tag & 127 | 128, tag >> 7]) if tag > 127 else bytes([tag])) + bytes([len(content)]) + content


FILES = {
    "empty": (b"", "is empty"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n", "git lfs pull"),
    "page": (b"\n<!DOCTYPE html><html>404</html>", "is a web page"),
    "keras.h5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "tf2onnx.convert --keras {path} --output net.onnx"),
    "net.keras": (zipped("metadata.json", "config.json", "model.weights.h5"), "is a Keras archive; to ONNX by Keras"),
    "net.tflite": (b"\x1c\0\0\0TFL3" + bytes(40), "is a TensorFlow Lite model; to ONNX by python -m tf2onnx.convert"),
    "saved_model.pb": (b"\x08\x01\x12\x80\x01\x0a\x05serve", "is a file of a TensorFlow SavedModel"),
    "frozen.pb": (message(1, message(1, b"x") + message(2, b"Placeholder")), "is a TensorFlow graph; .* --graphdef"),
    "net.pte": (b"\x1c\0\0\0ET12" + bytes(40), "is an ExecuTorch program, which is made for one kind of machine"),
    "net.gguf": (b"GGUF\x03\0\0\0" + bytes(40), "is a GGUF file"),
    "net.engine": (b"ftrt\x00\x01" + bytes(40), "is a TensorRT engine, .* as ONNX"),
    "net.xml": (b'<?xml version="1.0"?>\n<net name="Model0" version="11">', "is OpenVINO's IR"),
    "net.mlmodel": (b"\x08\x04" + message(2, b"\x0a\x00") + message(500, b"\x0a\x00"), "is a Core ML model"),
    "net.pdmodel": (message(1, message(4, b"feed") + message(4, b"fetch")), "is a PaddlePaddle program"),
    "inference.json": (b'{"base_code": {"magic": "pir", "version": 1}}', "is a PaddlePaddle program"),
    "sk.pkl": (pickle.dumps(LogisticRegression()), "is a pickle of scikit-learn's, which could run any code"),
    "booster.json": (b'{"learner":{"attributes":{}}', "to ONNX by onnxmltools.convert_xgboost"),
    "booster.ubj": (b"{L\0\0\0\0\0\0\0\x07learner{", "to ONNX by onnxmltools.convert_xgboost"),
    "booster.txt": (b"tree\nversion=v4\n", "to ONNX by onnxmltools.convert_lightgbm"),
    "net.gz": (b"\x1f\x8b\x08\0" + bytes(20), "is compressed; unpack it"),
    "arrays.npz": (saved(lambda file: np.savez(file, x=np.zeros(2))), "is an .npz of arrays, .* for --eval-data"),
    "compiled.pt2": (zipped("model/data/aotinductor/model/a.so"), "is a package of AOTInductor's"),
    "net.mar": (zipped("MAR-INF/MANIFEST.json", "model.pt"), "is an archive for TorchServe"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_known_by_its_content(tmp_path: Path, name: str) -> None:
    content, said = FILES[name]
    (path := tmp_path / "net.onnx").write_bytes(content)  # whatever its name
    with pytest.raises(UserError, match=said.format(path=path)) as refused:
        kind_of_file(path)
    assert str(refused.value).startswith(f"{path}: is ")
    assert "\n" not in str(refused.value)


@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_what_can_be_exported_is_not_taken_for_another(tmp_path: Path) -> None:
    assert kind_of_file(written(tmp_path, ROWS)) is FileKind.ONNX
    torch.jit.trace(nn.Linear(3, 2), torch.zeros(2, 3)).save(str(tmp_path / "net.pt"))
    assert kind_of_file(tmp_path / "net.pt") is FileKind.SCRIPT
    torch.save({"w": torch.zeros(2)}, tmp_path / "old", _use_new_zipfile_serialization=False)
    with pytest.raises(UserError, match="holds weights and no graph; name its network"):
        kind_of_file(tmp_path / "old")


def test_safetensors_may_begin_as_zlib_does(tmp_path: Path) -> None:
    header = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(0x178)
    (path := tmp_path / "net").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(UserError, match="holds weights and no graph; name its network"):
        kind_of_file(path)


FOLDERS = {
    "saved": (
        ["saved_model.pb"],
        "is a TensorFlow SavedModel; to ONNX by python -m tf2onnx.convert --saved-model {path} ",
    ),
    "net.mlpackage": (["Manifest.json", "Data/com.apple.CoreML/model.mlmodel"], "is a Core ML package"),
    "paddle": (["inference.pdmodel", "inference.pdiparams"], "to ONNX by paddle2onnx --model_dir {path} "),
    "lora": (["adapter_config.json", "adapter_model.safetensors"], "is an adapter of PEFT .*; merge_and_unload"),
    "ir": (["openvino_model.xml", "openvino_model.bin", "config.json"], "is OpenVINO's IR"),
    "dcp": ([".metadata", "__0_0.distcp"], "dcp_to_torch {path} weights.pth"),
}


def with_files(folder: Path, names: Iterable[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_is_known_by_its_files(tmp_path: Path, name: str) -> None:
    files, said = FOLDERS[name]
    path = with_files(tmp_path / name, files)
    with pytest.raises(UserError, match=said.format(path=path)):
        kind_of_folder(path)


def test_files_of_other_frameworks_may_lie_in_a_folder_of_hugging_faces(tmp_path: Path) -> None:
    folder = with_files(tmp_path, ["config.json", "model.safetensors", "saved_model.pb"])
    assert foreign_folder(folder)
    (folder / "config.json").write_text("{}")
    assert kind_of_folder(folder) is FolderKind.TRANSFORMERS
