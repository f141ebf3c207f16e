"""Every sample is known by its shard and its place there, read from the headers of tar files."""

import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.shard_index import ABSENT, ShardIndex, index
from torchferry.training.data.shards import Shards

PAIR = {"a.png": b"picture", "a.cls": b"1"}


def shard(path: Path, members: dict[str, bytes]) -> str:
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            header = tarfile.TarInfo(name)
            header.size = len(data)
            tar.addfile(header, io.BytesIO(data))
    return str(path)


def indexed(folder: Path, *shards: dict[str, bytes], cache: str | None = None) -> tuple[Shards, ShardIndex]:
    urls = [shard(folder / f"{number}.tar", members) for number, members in enumerate(shards)]
    opened = Shards(urls, {}, cache)
    return opened, index(opened)


def test_places_lead_to_the_bytes_of_every_sample(tmp_path: Path) -> None:
    first = {"x/a.png": b"one", "x/a.cls": b"1", "b.cls": b"22", "b.jpg": b"two"}
    shards, found = indexed(tmp_path, first, {}, {"a.webp": b"three", "a.cls": b"3"})
    assert found.keys.tolist() == [b"x/a", b"b", b"a"]
    assert found.starts.tolist() == [0, 2, 2, 3]
    assert found.places.dtype == found.starts.dtype == np.int64
    assert found.places.shape == (3, 5)
    read = [(shards.read(s, *image), shards.read(s, *target)) for s, *image, target in split(found)]
    assert read == [(b"one", b"1"), (b"two", b"22"), (b"three", b"3")]


def split(found: ShardIndex) -> list[tuple]:
    """(shard, image's offset, image's size, class's place) of each sample."""
    return [(row[0], row[1], row[2], row[3:]) for row in found.places.tolist()]


def test_other_members_are_no_part_of_a_sample(tmp_path: Path) -> None:
    others = {
        "a.json": b"{}",
        "a.seg.png": b"mask",
        "__info__.cls": b"5",
        ".a.png": b"5",
        "x/._a.png": b"5",
        "png": b"5",
    }
    _, found = indexed(tmp_path, {**others, **PAIR})
    assert found.keys.tolist() == [b"a"]
    assert found.places[0, [2, 4]].tolist() == [len(b"picture"), len(b"1")]


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "png", "webp", "bmp", "PNG", "Jpg"])
def test_an_image_is_known_by_its_ending(ending: str, tmp_path: Path) -> None:
    _, found = indexed(tmp_path, {f"a.{ending}": b"picture", "a.cls": b"1"})
    assert ABSENT not in found.places


def test_a_part_that_is_missing_is_absent(tmp_path: Path) -> None:
    _, found = indexed(tmp_path, {"b.png": b"alone", "c.cls": b"0", **PAIR})
    assert found.keys.tolist() == [b"b", b"c", b"a"]
    assert found.places[0, 3:].tolist() == found.places[1, 1:3].tolist() == [ABSENT, ABSENT]
    assert (found.places[2] >= 0).all()


@pytest.mark.parametrize("members", [{}, {"a.txt": b"text"}, {"a.png": b"alone", "b.cls": b"0"}])
def test_shards_without_any_sample_are_refused(members: dict[str, bytes], tmp_path: Path) -> None:
    assert refusal(lambda: indexed(tmp_path, members, {})) == (
        f"{tmp_path}/0.tar: has no sample in this or any other shard; "
        "an image (jpg, jpeg, png, webp, bmp) and a class (cls) under one key are expected"
    )


def test_a_shard_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    twice = {"a.png": b"one", "a.jpg": b"two"}
    assert refusal(lambda: indexed(tmp_path, PAIR, twice)) == (
        f"{tmp_path}/1.tar: has a second jpg of a; a key is one sample's"
    )
    (tmp_path / "text.tar").write_text("no tar file" * 100)
    for cache in (None, str(tmp_path / "cache")):
        text, missing = (Shards([str(tmp_path / name)], {}, cache) for name in ("text.tar", "none.tar"))
        assert refusal(lambda text=text: index(text)).startswith(  # type: ignore[misc]
            f"{tmp_path}/text.tar: cannot be read as an uncompressed tar file: ReadError: "
        )
        assert refusal(lambda missing=missing: index(missing)) == f"{tmp_path}/none.tar: no such shard"  # type: ignore[misc]


def test_a_cache_keeps_what_was_found(tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    shards, found = indexed(tmp_path, PAIR, {"b.png": b"alone"}, cache=cache)
    assert sorted(path.name for path in Path(cache).glob("*/*")) == ["index.json"] * 2
    url, state = shards.urls[0], os.stat(shards.urls[0])
    Path(url).write_bytes(bytes(state.st_size))  # no tar file any more
    os.utime(url, ns=(state.st_atime_ns, state.st_mtime_ns))
    again = index(Shards(shards.urls, {}, cache))
    for name in ("keys", "places", "starts"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
