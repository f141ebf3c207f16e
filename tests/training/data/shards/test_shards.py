"""Shards are named by braces or stars and read at any place, from the disk or from a copy of what is remote."""

import os
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.training.data.sources import refusal
from torchferry.errors import UserError
from torchferry.training.data.shards.shards import OPEN_AT_ONCE, Shards, expanded


@pytest.fixture
def memory() -> Iterator[MemoryFileSystem]:
    """A place behind a URL; the whole process shares it."""
    system = fsspec.filesystem("memory")
    system.mkdirs("/shards", exist_ok=True)
    yield system
    system.rm("/shards", recursive=True)


def written(folder: Path, count: int) -> list[str]:
    """Shard i holds the bytes i, i + 1, ... i + 9."""
    for number in range(count):
        (folder / f"{number}.tar").write_bytes(bytes(range(number, number + 10)))
    return [str(folder / f"{number}.tar") for number in range(count)]


def open_files(folder: Path) -> int:
    """How many of them this process has open."""
    files = [os.readlink(link) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    return sum(file.startswith(str(folder)) for file in files)


@pytest.mark.parametrize(
    ("pattern", "urls"),
    [
        ("a.tar", ["a.tar"]),
        ("a-{08..10}.tar", ["a-08.tar", "a-09.tar", "a-10.tar"]),
        ("{a,b}/{0..1}.tar", ["a/0.tar", "a/1.tar", "b/0.tar", "b/1.tar"]),
        ("s3://bucket/{0..1}.tar", ["s3://bucket/0.tar", "s3://bucket/1.tar"]),
        ("simplecache::http://host/{0..1}.tar", ["simplecache::http://host/0.tar", "simplecache::http://host/1.tar"]),
    ],
)
def test_braces_are_written_out_for_every_shard(pattern: str, urls: list[str]) -> None:
    assert expanded(pattern, {}, "train") == urls


def test_a_star_lists_what_is_there_in_order(tmp_path: Path, memory: MemoryFileSystem) -> None:
    urls = written(tmp_path, 3)
    (tmp_path / "notes.txt").touch()
    assert expanded(f"{tmp_path}/*.tar", {}, "train") == urls
    for name in ("b.tar", "a.tar"):
        memory.pipe(f"/shards/{name}", b"")
    listed = expanded("simplecache::memory://shards/*.tar", {}, "train")
    assert listed == ["simplecache::memory:///shards/a.tar", "simplecache::memory:///shards/b.tar"]


def test_what_names_no_shard_is_refused(tmp_path: Path) -> None:
    words = refusal(lambda: expanded(f"{tmp_path}/*.tar", {}, "test"))
    assert words == f"data.source.args.test: '{tmp_path}/*.tar' matches no file"
    words = refusal(lambda: expanded("nowhere://*.tar", {}, "train"))
    assert words.startswith(
        "data.source.args.train: 'nowhere://*.tar' cannot be listed: ValueError: Protocol not known"
    )


def test_bytes_are_read_at_any_place_and_end_with_the_shard(tmp_path: Path) -> None:
    shards = Shards(written(tmp_path, 2), {}, None)
    assert [shards.read(*place) for place in ((1, 8, 2), (0, 0, 3), (1, 0, 1))] == [b"\x09\x0a", b"\0\1\2", b"\1"]
    assert shards.read(0, 8, 5) == b"\x08\x09"
    with shards.open(1) as file:
        assert file.read(2) == b"\1\2"
    with pytest.raises(FileNotFoundError):
        Shards([str(tmp_path / "none.tar")], {}, None).read(0, 0, 1)


def test_no_more_files_stay_open_than_are_allowed(tmp_path: Path) -> None:
    shards = Shards(written(tmp_path, OPEN_AT_ONCE + 3), {}, None)
    numbers = list(range(len(shards.urls)))
    assert [shards.read(number, 0, 1)[0] for number in numbers] == numbers
    assert open_files(tmp_path) == OPEN_AT_ONCE
    assert shards.read(0, 1, 1) == b"\1"
    del shards
    assert open_files(tmp_path) == 0


def test_another_process_opens_files_of_its_own(tmp_path: Path) -> None:
    shards = Shards(written(tmp_path, 1), {"anon": True}, str(tmp_path / "cache"))
    assert shards.read(0, 4, 1) == b"\4"
    there = pickle.loads(pickle.dumps(shards))
    assert (there.urls, there.storage_options, there.cache) == (shards.urls, {"anon": True}, shards.cache)
    assert there.read(0, 5, 1) == b"\5"


def test_what_is_known_of_a_local_shard_is_forgotten_when_it_changes(tmp_path: Path) -> None:
    urls = written(tmp_path, 2)
    shards = Shards(urls, {}, str(tmp_path / "cache"))
    first = shards.kept(0)
    assert first is not None
    assert first.parent == tmp_path / "cache"
    assert first == Shards(urls, {}, shards.cache).kept(0)
    assert first != shards.kept(1)
    os.utime(urls[0], (1, 1))
    assert shards.kept(0) != first
    assert Shards(urls, {}, None).kept(0) is None


def test_a_shard_behind_a_url_is_copied_once(tmp_path: Path, memory: MemoryFileSystem) -> None:
    memory.pipe("/shards/a.tar", b"0123456789")
    shards = Shards(["memory://shards/a.tar"], {}, str(tmp_path))
    assert shards.read(0, 3, 2) == b"34"
    memory.rm("/shards/a.tar")
    again = Shards(shards.urls, {}, str(tmp_path))
    assert again.read(0, 5, 9) == b"56789"
    with again.open(0) as file:
        assert file.read() == b"0123456789"
    assert [path.name for path in tmp_path.glob("*/[!.]*")] == ["shard.tar"]


class Once(MemoryFileSystem):  # type: ignore[misc]  # fsspec has no types
    """Files that can only be read from their beginning."""

    protocol = "once"

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.removeprefix("once://"))

    def open(self, *args: Any, **options: Any) -> BinaryIO:
        file: Any = super().open(*args, **options)
        file.seekable = lambda: False
        return file


def test_what_is_read_from_its_beginning_only_needs_a_copy(memory: MemoryFileSystem, tmp_path: Path) -> None:
    memory.pipe("/shards/a.tar", b"0123456789")
    fsspec.register_implementation("once", Once, clobber=True)
    with pytest.raises(UserError, match=r"^can only be read from its beginning; data.source.args.cache names a folder"):
        Shards(["once://shards/a.tar"], {}, None).read(0, 3, 1)
    assert Shards(["once://shards/a.tar"], {}, str(tmp_path)).read(0, 3, 1) == b"3"
