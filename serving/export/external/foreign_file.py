"""Files of other programs that are given as a model, and the way from each to one that is taken."""

from collections.abc import Sequence
from pathlib import Path

from torchferry.training.models.weights_file import FOREIGN

HEAD = 4096
IN_ARCHIVE = {
    ".npy": "is an archive of NumPy's arrays; samples go to --eval-data, and weights to --weights once they are saved "
    "by safetensors.numpy.save_file(dict(numpy.load(FILE)), 'weights.safetensors')",
    "model.weights.h5": "is a model of Keras 3; its model.export('net.onnx', format='onnx') makes a file that is taken",
    "MAR-INF/MANIFEST.json": "is an archive of TorchServe, which torchferry up --runtime torchserve serves as it is",
}
"""By how a name in a zip archive ends."""
BEGINNINGS = {
    b"GGUF": "is GGUF, whose weights are quantised; give the folder that it was made from",
    b"\x93NUMPY": "is an array of NumPy's; samples go to --eval-data, in an .npz",
    b"\x89HDF": "is an HDF5 file, as Keras writes it; tf2onnx makes an ONNX file of it, which can be given",
}
PICKLES = {
    b"sklearn": "scikit-learn; skl2onnx makes an ONNX file of it, which can be given",
    b"xgboost": "XGBoost; onnxmltools makes an ONNX file of it, which can be given",
    b"lightgbm": "LightGBM; onnxmltools makes an ONNX file of it, which can be given",
    b"ultralytics": "ultralytics; its yolo export format=onnx makes an ONNX file of it, which can be given",
}
"""By a module that a pickle names first."""


def foreign(path: Path, names: Sequence[str]) -> str:
    """Of a file that is no model of torch's or ONNX's, words on it; `names` are those in it, if it is an archive."""
    for ending, words in IN_ARCHIVE.items():
        if any(name.endswith(ending) for name in names):
            return words
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head[4:8] == b"TFL3":
        return "is a model of TensorFlow Lite; tf2onnx makes an ONNX file of it, which can be given"
    for beginning, words in (
        BEGINNINGS | {start: words for start, words in FOREIGN.items() if start != b"\x89HDF"}
    ).items():
        if head.lstrip().startswith(beginning):
            return words
    module = next((name for name in PICKLES if name in head), None) if head[:1] == b"\x80" else None
    return f"is a pickle of {PICKLES[module]}" if module else ""
