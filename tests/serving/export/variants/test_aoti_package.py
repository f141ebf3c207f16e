"""A package of AOTInductor's says nothing of the machine that compiled it, and computes as before."""

import os
import tempfile
import zipfile
from pathlib import Path

import pytest
import torch

from torchferry.serving.export.variants.aoti_package import CACHE, strip_package, without_folders

TORCH = os.fsencode(os.path.dirname(torch.__path__[0]))


def test_folders_of_this_machine_go_and_nothing_moves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE, "/scratch/mine")
    library = b"\0".join([b"a", TORCH + b"/torch/include/x.h", b"/scratch/mine/ab/", b"/conv1/Conv", b""])
    made = without_folders(library)
    assert len(made) == len(library)
    assert [each.lstrip(b"/") for each in made.split(b"\0")] == [b"a", b"x.h", b"", b"conv1/Conv", b""]


def test_bytes_that_are_no_text_stay() -> None:
    weights = b"\x3f" + TORCH + b"/x/\xff" + b"\0" + TORCH + b"/x/\xff"
    assert without_folders(weights) == weights


def test_sources_go_and_all_else_stays(tmp_path: Path) -> None:
    with zipfile.ZipFile(path := tmp_path / "model.pt2", "w") as archive:
        archive.writestr("model/data/a.cpp", f"// g++ -I {tempfile.gettempdir()}")
        archive.writestr("model/data/a.so", b"\0" + TORCH + b"/x/y.h\0")
        archive.writestr("model/data/a.json", "{}")
    strip_package(path)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["model/data/a.so", "model/data/a.json"]
        assert archive.read("model/data/a.so").endswith(b"///y.h\0")
    assert [each.name for each in tmp_path.iterdir()] == ["model.pt2"]
