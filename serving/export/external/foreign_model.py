"""Models of other frameworks, known from their content, and how each becomes a file that can be exported."""

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from torchferry.errors import UserError
from torchferry.training.models.weights_file import is_safetensors

HEAD = 2**16
"""Bytes of a file that are looked at."""
TF2ONNX = "to ONNX by python -m tf2onnx.convert"
COMPILED = "which is made for one kind of machine; give what it was made from"
COREML_MODEL = 200
"""The fields of a Core ML model that say what it is are numbered from here; ONNX has none of these."""


@dataclass(frozen=True)
class Foreign:
    """What it is, how it is known, and what to do; `{}` is its path."""

    what: str
    is_it: Callable[[bytes], bool]
    way: str


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(starts)


def _has_at_4(word: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[4:8] == word


def _is_pickle_of(*modules: bytes) -> Callable[[bytes], bool]:
    return lambda head: head[:1] == b"\x80" and any(module in head for module in modules)


def _graph_of(*words: bytes) -> Callable[[bytes], bool]:
    """Of a protobuf message that begins with a list of messages."""
    return lambda head: head[:1] == b"\n" and all(word in head for word in words)


PACKED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"x\x9c", b"x\x01", b"x\xda", b"\x28\xb5\x2f\xfd")
FILES = (
    Foreign("empty", lambda head: not head, "fetch it again"),
    Foreign("a pointer of Git LFS", _begins(b"version https://git-lfs"), "git lfs pull fetches the file"),
    Foreign("a web page", lambda head: head[:200].lstrip().lower().startswith((b"<!doctype html", b"<html")),
            "fetch the file that it is about"),
    Foreign("an array of NumPy's", _begins(b"\x93NUMPY"), "which are samples, for --eval-data, in an .npz"),
    Foreign("a Keras file (HDF5)", _begins(b"\x89HDF\r\n"), f"{TF2ONNX} --keras {{}} --output net.onnx"),
    Foreign("a TensorFlow Lite model", _has_at_4(b"TFL3"), f"{TF2ONNX} --tflite {{}} --output net.onnx"),
    Foreign("an ExecuTorch program", lambda head: head[4:6] == b"ET" and head[6:8].isdigit(),
            COMPILED + ", by torch.export.save"),
    Foreign("a GGUF file of llama.cpp's", _begins(b"GGUF"), "which is weights alone; give Hugging Face's folder"),
    Foreign("a TensorRT engine", _begins(b"ftrt"), COMPILED + ", as ONNX"),
    Foreign("OpenVINO's IR", lambda head: head.lstrip()[:5] == b"<?xml" and b"<net " in head,
            "of which no ONNX graph can be made; give what it was made from, as ONNX"),
    Foreign("a Core ML model", lambda head: head[:1] == b"\x08" and max(_fields(head)) >= COREML_MODEL,
            "to ONNX by onnxmltools.convert_coreml, if it is a neural network; else give what it was made from"),
    Foreign("a file of a TensorFlow SavedModel", lambda head: head[:3] == b"\x08\x01\x12",
            f"{TF2ONNX} --saved-model FOLDER --output net.onnx"),
    Foreign("a PaddlePaddle program", _graph_of(b"feed", b"fetch"), "to ONNX by paddle2onnx"),
    Foreign("a PaddlePaddle program", lambda head: b'"magic":"pir"' in head.replace(b" ", b"")[:200],
            "to ONNX by paddle2onnx"),
    Foreign("a TensorFlow graph", _graph_of(b"Placeholder"),
            f"{TF2ONNX} --graphdef {{}} --inputs NAME:0 --outputs NAME:0 --output net.onnx"),
    Foreign("a pickle of scikit-learn's", _is_pickle_of(b"sklearn."),
            "which could run any code, and is not loaded; to ONNX by skl2onnx.to_onnx, where it was trained"),
    Foreign("a pickle of ultralytics'", _is_pickle_of(b"ultralytics."),
            "which could run any code, and is not loaded; to ONNX by yolo export format=onnx"),
    Foreign("a pickle of XGBoost's or LightGBM's", _is_pickle_of(b"xgboost.", b"lightgbm."),
            "which could run any code, and is not loaded; to ONNX by onnxmltools, where it was trained"),
    Foreign("a model of XGBoost's", lambda head: head[:1] == b"{" and b"learner" in head[:100],
            "to ONNX by onnxmltools.convert_xgboost"),
    Foreign("a model of LightGBM's", _begins(b"tree\nversion="), "to ONNX by onnxmltools.convert_lightgbm"),
    Foreign("compressed", _begins(*PACKED),
            "unpack it; if it is joblib's, it is a pickle: to ONNX by skl2onnx.to_onnx, where it was trained"),
)  # fmt: skip
ARCHIVES = {
    r"config\.json": ("a Keras archive", "to ONNX by Keras: model.export('net.onnx', format='onnx')"),
    r"(.*/)?data/aotinductor/.*": ("a package of AOTInductor's", COMPILED + ", by torch.export.save"),
    r"MAR-INF/MANIFEST\.json": ("an archive for TorchServe", "give the model that is in it"),
    r"[^/]*\.npy": ("an .npz of arrays", "which are samples, for --eval-data or --reference"),
}
"""By the name of an entry of a zip archive."""
FOLDERS = {
    "adapter_config.json": ("an adapter of PEFT without its network", "merge_and_unload() and save_pretrained() make a "
                            "folder of both"),
    "model_index.json": ("a pipeline of diffusers", "give one of its networks, whose folder has a config.json"),
    "modules.json": ("a pipeline of sentence-transformers", "give the folder of its network, which has "
                     "model.safetensors"),
    "tf_model.h5": ("a folder of TensorFlow's weights", "load them once with from_pretrained(FOLDER, from_tf=True) of "
                    "transformers 4 and save_pretrained() them"),
    "flax_model.msgpack": ("a folder of Flax's weights", "load them once with from_pretrained(FOLDER, from_flax=True) "
                           "of transformers 4 and save_pretrained() them"),
    "saved_model.pb": ("a TensorFlow SavedModel", f"{TF2ONNX} --saved-model {{}} --output net.onnx"),
    "*.gguf": ("a folder of llama.cpp's, whose weights are quantised", "give the folder that it was made from"),
    "openvino_model.xml": ("OpenVINO's IR", "of which no ONNX graph can be made; give what it was made from"),
    "Data/com.apple.CoreML": ("a Core ML package", "of which no ONNX graph can be made; give what it was made from"),
    "*.mlpackage": ("a folder with a Core ML package", "of which no ONNX graph can be made; give its source"),
    "*.pdmodel": ("a PaddlePaddle model", "to ONNX by paddle2onnx --model_dir {} --save_file net.onnx"),
    "inference.json": ("a PaddlePaddle model", "to ONNX by paddle2onnx --model_dir {} --save_file net.onnx"),
    ".metadata": ("a checkpoint of torch.distributed's", "to a file for --weights by python -m "
                  "torch.distributed.checkpoint.format_utils dcp_to_torch {} weights.pth"),
}  # fmt: skip
"""By the name of a file in it."""


def refuse_foreign(path: Path, names: list[str]) -> None:
    """Raises UserError for a file of another framework. `names`: its entries, if it is a zip archive."""
    for pattern, (what, way) in ARCHIVES.items():
        if any(re.fullmatch(pattern, name) for name in names):
            raise UserError(_line(path, what, way))
    if names:
        return
    with path.open("rb") as file:
        head = file.read(HEAD)
    if is_safetensors(head):  # the length that it begins with may be bytes that others begin with
        return
    for kind in FILES:
        if kind.is_it(head):
            raise UserError(_line(path, kind.what, kind.way))


def foreign_folder(path: Path) -> str | None:
    """What a folder of another framework is, and the way on; one of Hugging Face's may have other frameworks' files
    beside its own."""
    found = (_line(path, *words) for pattern, words in FOLDERS.items() if next(path.glob(pattern), None))
    return next(found, None)


def _line(path: Path, what: str, way: str) -> str:
    stop = "," if way.startswith(("which", "of which")) else ";"
    return f"{path}: is {what}{stop} {way.format(shlex.quote(str(path)))}"


def _fields(head: bytes) -> Iterator[int]:
    """The numbers of the fields of a protobuf message, as far as they begin here."""
    place = 0
    while place < len(head):
        tag, place = _varint(head, place)
        yield tag >> 3
        size, end = _varint(head, place)
        place = {0: end, 1: place + 8, 2: end + size, 5: place + 4}.get(tag & 7, len(head))


def _varint(head: bytes, place: int) -> tuple[int, int]:
    """And where it ends."""
    value = 0
    for number, byte in enumerate(head[place : place + 10]):
        value |= (byte & 127) << (7 * number)
        if byte < 128:
            return value, place + number + 1
    return value, len(head)
