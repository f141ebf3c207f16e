"""A folder behind a URL: what is there is there whole, and what goes wrong says where."""

import errno
import os
from pathlib import Path

import pytest

from torchferry.errors import Missing, ServerFault, StoreError, StoreRefused, UserError
from torchferry.object_store import CHUNK, ObjectStore


@pytest.fixture
def store(url: str) -> ObjectStore:
    return ObjectStore(f"{url}/")


def test_what_is_written_is_read_again_and_written_over(store: ObjectStore) -> None:
    for content in (b"first", b""):
        store.write("a/b/file", content)
        assert (store.read("a/b/file"), store.size("a/b/file")) == (content, len(content))


def test_what_is_created_is_never_written_over(store: ObjectStore) -> None:
    for content in (b"first", b"second"):
        store.create("a/file", content)
    assert store.read("a/file") == b"first"
    assert store.names("a") == ["file"]


def test_an_uploaded_file_is_read_from_where_one_wants(store: ObjectStore, tmp_path: Path) -> None:
    content = bytes(range(256)) * (CHUNK // 256) + b"end"
    (tmp_path / "source").write_bytes(content)
    store.upload(tmp_path / "source", "a/file")
    assert list(store.chunks("a/file", 0)) == [content[:CHUNK], b"end"]
    assert list(store.chunks("a/file", CHUNK - 1)) == [b"\xffend"]
    assert not list(store.chunks("a/file", len(content)))


def test_what_is_not_there_is_none_and_a_folder_without_it_is_empty(store: ObjectStore) -> None:
    assert (store.read("a/file"), store.size("a/file"), store.names("a")) == (None, None, [])
    with pytest.raises(ServerFault, match=f"^{store.url}/a/file: FileNotFoundError"):
        list(store.chunks("a/file", 0))


def test_names_are_sorted_and_have_no_folder_before_them(store: ObjectStore) -> None:
    for name in ("b", "c/inner", "a"):
        store.write(f"folder/{name}", b"")
    assert store.names("folder") == ["a", "b", "c"]


@pytest.mark.parametrize("url", ["nowhere://x", "nowhere::file:///x"])
def test_a_url_that_nobody_knows_is_wrong_input(url: str) -> None:
    with pytest.raises(UserError, match=f"^{url}: .*nowhere"):
        ObjectStore(url)


def test_a_failed_write_leaves_nothing_beside_the_file(tmp_path: Path) -> None:
    store = ObjectStore(str(tmp_path))
    store.write("folder/file/inner", b"")
    for write in (store.write, store.create):
        with pytest.raises(ServerFault, match=f"^{tmp_path}/folder/file/inner/deep: "):
            write("folder/file/inner/deep", b"content")
    with pytest.raises(ServerFault, match=f"^{tmp_path}/folder/new: FileNotFoundError: "):
        store.upload(tmp_path / "missing", "folder/new")
    assert store.names("folder") == ["file"]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_disk_without_hard_links_is_looked_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refused)
    store = ObjectStore(str(tmp_path))
    for content in (b"first", b"second"):
        store.create("a/file", content)
    assert (store.read("a/file"), store.names("a")) == (b"first", ["file"])


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (PermissionError(errno.EACCES, "denied"), StoreRefused, r"PermissionError: \[Errno 13\] denied"),
        (PermissionError("Access denied by the bucket"), StoreRefused, "PermissionError: Access denied by the bucket"),
        (RuntimeError("two\n  lines"), ServerFault, "RuntimeError: two lines"),
    ],
)
def test_what_may_not_be_read_is_told_from_what_fails(error: Exception, kind: type[Exception], words: str) -> None:
    class Failing:
        def cat_file(self, _: str) -> bytes:
            raise error

    store = ObjectStore("memory://x")
    store.files = Failing()
    with pytest.raises(kind, match=f"^memory://x/a/file: {words}$"):
        store.read("a/file")


def test_a_store_that_is_out_of_reach_when_it_is_named_is_no_wrong_input() -> None:
    with pytest.raises(StoreError, match=r"^ftp://127\.0\.0\.1:9/x: ConnectionRefusedError: "):
        ObjectStore("ftp://127.0.0.1:9/x")


def test_what_is_removed_is_gone_and_what_was_not_there_is_no_error(store: ObjectStore) -> None:
    store.write("a/b/file", b"")
    store.write("a/other", b"")
    assert sorted(store.paths("a")) == ["b/file", "other"]
    for _ in range(2):
        store.remove("a/b/file")
    assert store.paths("a") == ["other"]


def test_a_file_is_downloaded(store: ObjectStore, tmp_path: Path) -> None:
    store.write("a/file", b"content")
    store.download("a/file", tmp_path / "here")
    assert (tmp_path / "here").read_bytes() == b"content"
    with pytest.raises(Missing, match=f"^{store.url}/a/none: "):
        store.download("a/none", tmp_path / "none")
