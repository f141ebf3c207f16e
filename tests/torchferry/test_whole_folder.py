"""A folder is there whole or not at all, and nothing that is there is ever overwritten."""

import shutil
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from torchferry.errors import UserError
from torchferry.files import flush
from torchferry.whole_folder import make_folder, whole_folder


def test_it_has_its_name_once_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "new" / "bundle"
    with whole_folder(target) as folder:
        (folder / "variants").mkdir()
        (folder / "variants" / "file").write_text("all")
        assert not target.exists()
        assert folder.parent == target.parent
    assert (target / "variants" / "file").read_text() == "all"
    assert list(target.parent.iterdir()) == [target]


def test_a_block_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "variants").mkdir()
        raise ValueError("halfway")

    with pytest.raises(ValueError, match="halfway"), whole_folder(tmp_path / "bundle") as folder:
        fill(folder)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_there_is_left_as_it_is(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "bundle"
    target.touch() if kind == "file" else target.mkdir()
    words = f"^{target}: exists already and is left as it is; give another with --output, or move it away$"
    with pytest.raises(UserError, match=words), whole_folder(target):
        raise AssertionError("the block has begun")
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_kill_has_left_is_removed_and_what_another_writes_is_not(tmp_path: Path) -> None:
    target = tmp_path / "bundle"
    left = tmp_path / ".bundle.0123456789ab.unfinished"
    (left / "variants").mkdir(parents=True)
    (tmp_path / ".bundle.20261128").mkdir()
    with ExitStack() as slow:
        being_written = slow.enter_context(whole_folder(target))
        assert not left.exists()
        with whole_folder(target) as quick:
            (quick / "file").touch()
            assert being_written.is_dir()
        with pytest.raises(UserError, match="bundle: exists already"):
            slow.close()
    assert sorted(path.name for path in tmp_path.rglob("*")) == [".bundle.20261128", "bundle", "file"]


def test_on_a_full_disk_every_error_is_that_of_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for free, kind, words in ((1000, UserError, "no space is left on its disk"), (2**20, RuntimeError, "wrote only")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        with pytest.raises(kind, match=words), whole_folder(tmp_path / "bundle"):
            raise RuntimeError("wrote only 3 of 7 bytes")
    assert not list(tmp_path.iterdir())


def test_a_folder_is_made_with_its_parents_and_may_be_there(tmp_path: Path) -> None:
    for _ in range(2):
        make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(UserError, match=rf"^{folder}: cannot be made \(.*\); give another with --output$"):
            make_folder(folder)


def test_flushing_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    flush(tmp_path)
    with pytest.raises(FileNotFoundError):
        flush(tmp_path / "missing")
