"""The size on disk: of a folder without what links point to, of packages with all that they need, each once."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from torchferry.benchmarks.servers.disk import folder_bytes, packages_bytes


def install(folder: Path, name: str, size: int, *needs: str) -> None:
    """A package of one file, besides its metadata, which its list of files leaves out."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    needed = "".join(f"Requires-Dist: {text}\n" for text in needs)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needed}")
    (info / "RECORD").write_text(f"{name}.py,,\n{name}-missing.py,,\n")
    (folder / f"{name}.py").write_bytes(b"#" * size)


def test_what_is_installed_is_counted_with_all_that_it_needs(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_bytes(b"123")
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    assert folder_bytes(tmp_path) == 3
    runtime = folder_bytes(Path(onnxruntime.__file__).parent)
    bare, ours = map(packages_bytes, ("onnxruntime", "torchferry[onnx-server]"))
    assert runtime + folder_bytes(Path(np.__file__).parent) < bare < ours
    assert packages_bytes("onnxruntime", "numpy") == bare
    assert packages_bytes("nobody-has-this") == 0


@pytest.mark.parametrize(
    ("wanted", "size"),
    [
        (("zz_leaf",), 1),
        (("zz_root",), 110),
        (("zz_root[fast]",), 111),
        (("zz_root", "zz_root[fast]", "zz_leaf"), 111),
        (("zz_ring",), 110),
    ],
)
def test_an_extra_is_counted_where_it_is_asked_for_and_nothing_twice(
    wanted: tuple[str, ...], size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "zz_leaf", 1)
    install(tmp_path, "zz_ring", 10, "zz_root")
    install(tmp_path, "zz_root", 100, "zz_ring", "zz_leaf; extra == 'fast'", "zz_gone; python_version < '3'")
    monkeypatch.syspath_prepend(tmp_path)
    assert packages_bytes(*wanted) == size
