"""A folder in a store is there when its list of checksums is, and nothing damaged or foreign comes out of it."""

import json
from pathlib import Path

import pytest

from torchferry.errors import StoreError, UserError
from torchferry.files import sha256
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.remote_folder import RemoteFolder


@pytest.fixture
def folder(tmp_path: Path) -> RemoteFolder:
    return RemoteFolder(ObjectStore(f"file://{tmp_path}/store"), "digits/results/1")


def filled(folder: RemoteFolder, tmp_path: Path) -> str:
    """With two files; returns their checksums."""
    (tmp_path / "source").write_text("some weights")
    checksums = json.dumps({name: folder.put(tmp_path / "source", name) for name in ("a.bin", "model/b.bin")})
    folder.complete(checksums)
    return checksums


def test_what_is_put_comes_back_where_it_was(folder: RemoteFolder, tmp_path: Path) -> None:
    checksums = filled(folder, tmp_path)
    assert json.loads(checksums)["a.bin"] == sha256(tmp_path / "source")
    assert folder.checksums() == checksums
    assert (folder.read("model/b.bin"), folder.read("c.bin")) == (b"some weights", None)
    folder.get(checksums, tmp_path / "target")
    found = {path.relative_to(tmp_path / "target").as_posix() for path in (tmp_path / "target").rglob("*.bin")}
    assert found == {"a.bin", "model/b.bin"}
    assert (tmp_path / "target" / "model" / "b.bin").read_text() == "some weights"


def test_it_is_not_there_before_it_is_complete(folder: RemoteFolder, tmp_path: Path) -> None:
    (tmp_path / "source").touch()
    folder.put(tmp_path / "source", "a.bin")
    assert folder.checksums() is None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '"a"', '{"a": 1}', '{"../a": "0"}', '{"a/../../b": "0"}', '{"/etc/passwd": "0"}', "\udcff"],
)
def test_a_list_that_nobody_can_have_written_is_damaged(content: str, folder: RemoteFolder) -> None:
    folder.store.write(f"{folder.name}/checksums.json", content.encode(errors="surrogateescape"))
    with pytest.raises(UserError, match=r"/1/checksums\.json: is damaged \(it is no list of checksums\)"):
        folder.checksums()


def test_a_file_that_is_damaged_or_missing_is_named(folder: RemoteFolder, tmp_path: Path) -> None:
    checksums = filled(folder, tmp_path)
    folder.store.write(f"{folder.name}/model/b.bin", b"other weights")
    with pytest.raises(UserError, match=r"file://.*/1/model/b\.bin: is damaged \(its checksum differs\)"):
        folder.get(checksums, tmp_path / "one")
    folder.store.remove(f"{folder.name}/a.bin")
    with pytest.raises(UserError, match=r"file://.*/1/a\.bin: is missing"):
        folder.get(checksums, tmp_path / "other")


class Sticky(ObjectStore):
    """Removes nothing but the list."""

    def remove(self, name: str) -> None:
        if not name.endswith("checksums.json"):
            raise StoreError(0, "denied", name)
        super().remove(name)


def test_what_is_removed_in_part_is_not_there_any_more(tmp_path: Path) -> None:
    folder = RemoteFolder(Sticky(f"file://{tmp_path}/store"), "digits")
    filled(folder, tmp_path)
    with pytest.raises(StoreError, match="denied"):
        folder.remove()
    assert folder.checksums() is None


def test_all_of_it_is_removed_and_nothing_beside_it(folder: RemoteFolder, tmp_path: Path) -> None:
    filled(folder, tmp_path)
    filled(RemoteFolder(folder.store, "digits/results/10"), tmp_path)
    folder.remove()
    assert folder.store.paths("digits/results/1") == []
    assert len(folder.store.paths("digits/results/10")) == 3
