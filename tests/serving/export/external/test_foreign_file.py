"""Files of other programs, by their content."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from torchferry.errors import UserError
from torchferry.serving.export.external.file_kind import kind_of_file
from torchferry.serving.export.external.foreign_file import foreign


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"GGUF\x03\0\0\0", "is GGUF, whose weights are quantised"),
        (b"\x1c\0\0\0TFL3", "is a model of TensorFlow Lite; tf2onnx"),
        (b"\x89HDF\r\n", "is an HDF5 file, as Keras writes it; tf2onnx makes an ONNX file"),
        (b"version https://git-lfs.github.com/spec/v1", "is a pointer of Git LFS, not the file itself"),
        (b"<!DOCTYPE html>", "is a page of HTML or XML"),
        (pickle.dumps(np.float64(1)).replace(b"numpy", b"sklearn"), "is a pickle of scikit-learn; skl2onnx makes"),
    ],
)
def test_each_is_named_with_the_way_on(tmp_path: Path, content: bytes, words: str) -> None:
    (path := tmp_path / "net").write_bytes(content)
    assert foreign(path, []).startswith(words)
    with pytest.raises(UserError, match=f"net: {words}"):
        kind_of_file(path)


def test_archives_are_known_by_the_names_in_them(tmp_path: Path) -> None:
    np.savez(path := tmp_path / "a.npz", a=np.zeros(3))
    with pytest.raises(UserError, match=r"a.npz: is an archive of NumPy's arrays; samples go to --eval-data"):
        kind_of_file(path)
    for name, words in [("model.weights.h5", "a model of Keras 3"), ("MAR-INF/MANIFEST.json", "archive of TorchServe")]:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "")
        with pytest.raises(UserError, match=words):
            kind_of_file(path)


def test_others_are_not_known(tmp_path: Path) -> None:
    (path := tmp_path / "net").write_bytes(b"\x08\x07")
    assert foreign(path, []) == ""
