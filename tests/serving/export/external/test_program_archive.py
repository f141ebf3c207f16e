"""A .pt2 file's copy without what could run."""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import nn

from torchferry.errors import UserError
from torchferry.serving.export.external.program_archive import PROGRAM, copied

X = torch.arange(6.0).reshape(2, 3)


def changed(path: Path, entries: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """A copy with other entries, and more of them."""
    made = path.with_name("changed.pt2")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(made, "w", compression) as target:
        root = source.namelist()[0].partition("/")[0]
        whole = {f"{root}/{name}": content for name, content in entries.items()}
        for name, content in {**{name: source.read(name) for name in source.namelist()}, **whole}.items():
            target.writestr(name, content)
    return made


@pytest.fixture
def program(tmp_path: Path) -> Path:
    shapes = ({0: torch.export.Dim("batch"), 1: torch.export.Dim("length")},)
    network = nn.Sequential(nn.Flatten(0), nn.Unflatten(0, (-1, 1)))
    torch.export.save(torch.export.export(network, (X,), dynamic_shapes=shapes), path := tmp_path / "net.pt2")
    return path


def test_a_program_stays_as_it_is(program: Path, tmp_path: Path) -> None:
    copied(program, copy := tmp_path / "copy.pt2")
    assert torch.export.load(copy).module()(X).shape == (6, 1)


def test_what_a_program_does_not_need_is_left_out(program: Path, tmp_path: Path) -> None:
    more = changed(program, {"data/aotinductor/model/evil.so": b"x", "extra/notes": b"x"})
    copied(more, copy := tmp_path / "copy.pt2")
    with zipfile.ZipFile(copy) as archive:
        assert not [name for name in archive.namelist() if "evil" in name or "notes" in name]


@pytest.mark.parametrize("name", ["custom_obj_0", "opaque_obj_0"])
def test_objects_of_its_own_are_refused(program: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=rf"changed.pt2: holds objects of its own \({name}\)"):
        copied(changed(program, {f"data/constants/{name}": b"x"}), tmp_path / "copy.pt2")


def test_what_is_compressed_is_refused(program: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not as torch.export.save writes it"):
        copied(changed(program, {}, zipfile.ZIP_DEFLATED), tmp_path / "copy.pt2")


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("expr_str", "__import__('os').system('x')", "is no arithmetic of sizes, and is not evaluated"),
        ("expr_str", "exec(chr(120))", "is no arithmetic of sizes"),
        ("expr_str", "Add('exec(chr(120))')", "is no arithmetic of sizes"),
        ("expr_str", "s0.args", "is no arithmetic of sizes"),
        ("name", "x, y=print(1)", "its name 'x, y=print.1.' could be code, and is not loaded"),
    ],
)
def test_what_torch_would_evaluate_is_refused(program: Path, tmp_path: Path, key: str, text: str, words: str) -> None:
    with zipfile.ZipFile(program) as archive:
        content = json.loads(archive.read(f"{archive.namelist()[0].partition('/')[0]}/{PROGRAM}"))
    content["graph_module"]["graph"]["inputs"][0][key] = text
    with pytest.raises(UserError, match=words):
        copied(changed(program, {PROGRAM: json.dumps(content).encode()}), tmp_path / "copy.pt2")
