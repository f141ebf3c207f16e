"""Every sample is known by its shard and its place there, read from the headers of tar files."""

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.training.data.sources import refusal
from torchferry.contract.image_formats import SUFFIXES
from torchferry.training.data.shards.shard_index import ABSENT, Parts, ShardIndex, index, paired
from torchferry.training.data.shards.shard_members import Member
from torchferry.training.data.shards.shards import Shards

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


@pytest.mark.parametrize("ending", ["jpg", "jpeg", "png", "webp", "bmp", "PNG", "Jpg", "tif", "GIF"])
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
        f"an image ({', '.join(SUFFIXES)}) and a class (cls) under one key are expected"
    )


def test_a_shard_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    twice = {"a.png": b"one", "a.jpg": b"two"}
    assert refusal(lambda: indexed(tmp_path, PAIR, twice)) == (
        f"{tmp_path}/1.tar: has a.jpg beside a.png; a key is one sample's; data.source.args.endings says which is meant"
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


def pairs(*names: str, endings: list[str] | None = None) -> list[str]:
    """Keys of the samples, with what they lack."""
    found = paired([Member(name, number, 1) for number, name in enumerate(names)], endings)
    lacks = {key: "no image" * (parts.image[0] == ABSENT) + "no class" * (parts.target[0] == ABSENT)
             for key, parts in found.items()}  # fmt: skip
    return [f"{key}: {lack}" if lack else key for key, lack in lacks.items()]


def test_a_key_may_have_dots() -> None:
    assert pairs("x.1.jpg", "x.1.cls", "x.2.cls", "x.2.jpg") == ["x.1", "x.2"]
    assert pairs("a.b/c.v2/d.jpg", "a.b/c.v2/d.cls") == ["a.b/c.v2/d"]
    assert pairs("a.b.c.jpg", "a.b.c.cls", "a.b.c.mask.png") == ["a.b.c"]
    assert pairs("x.1.jpg", "x.1.cls", "x.2.jpg") == ["x.1", "x.2: no class"]
    assert pairs("a.jpg", "a.seg.png", "a.cls") == ["a"]
    assert pairs("./x.1.PNG", "./x.1.CLS") == ["./x.1"]


def test_endings_bring_back_webdatasets_own_rule() -> None:
    names = ("x.1.jpg", "x.1.cls", "a.jpg", "a.cls", "b.png", "b.CLS", "c.tif", "c.cls")
    assert pairs(*names) == ["x.1", "a", "b", "c"]
    former = ["jpg", "jpeg", "png", "webp", "bmp"]
    assert pairs(*names, endings=former) == ["a", "b: no class", "c: no image"]
    assert paired([Member("a.jpg", 3, 4), Member("a.png", 5, 6)], ["jpg"]) == {"a": Parts(image=(3, 4))}


def test_samples_that_lack_a_part_are_counted(tmp_path: Path) -> None:
    _, found = indexed(tmp_path, PAIR, {"b.png": b"alone", "c.cls": b"0"})
    assert found.damaged == (f"{tmp_path}/1.tar: b has no class (cls), and 1 more samples lack a part",)
    _, whole = indexed(tmp_path, PAIR)
    assert whole.damaged == ()


def test_a_shard_that_ends_early_is_named_and_its_beginning_is_known(tmp_path: Path) -> None:
    shards, _ = indexed(tmp_path, PAIR, {"b.png": b"picture", "b.cls": b"0"})
    os.truncate(shards.urls[1], 1024)
    (tmp_path / "empty.tar").touch()
    found = index(Shards([*shards.urls, str(tmp_path / "empty.tar")], {}, None))
    assert found.keys.tolist() == [b"a", b"b"]
    assert found.damaged == (
        f"{tmp_path}/1.tar: ends early, after b.png, without the mark of a tar file's end",
        f"{tmp_path}/empty.tar: is empty",
        f"{tmp_path}/1.tar: b has no class (cls)",
    )


def test_a_listing_knows_shards_keys_and_sizes_and_no_folder(tmp_path: Path) -> None:
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
    first, copy = (indexed(tmp_path / place, PAIR)[1].listing for place in ("x", "y"))
    assert first == copy
    assert first.samples == 1
    others = [
        {"a.png": b"pictures", "a.cls": b"1"},
        {"b.png": b"picture", "b.cls": b"1"},
        PAIR | {"c.png": b"", "c.cls": b"1"},
    ]
    assert len({first.sha256, *(indexed(tmp_path / "x", other)[1].listing.sha256 for other in others)}) == 4


@pytest.mark.parametrize("damage", ["{", "[]", '{"format": 1}', '{"a": [[0, 0], [0, 0]]}', "other checksum"])
def test_a_damaged_or_former_cache_is_made_again(damage: str, tmp_path: Path) -> None:
    shards, found = indexed(tmp_path, PAIR, cache=str(tmp_path / "cache"))
    (kept,) = (tmp_path / "cache").glob("*/index.json")
    text = kept.read_text()
    kept.write_text(text.replace("a.png", "b.png") if damage == "other checksum" else damage)
    assert index(Shards(shards.urls, {}, str(tmp_path / "cache"))).keys.tolist() == found.keys.tolist()
    assert kept.read_text() == text
    assert json.loads(text)["format"] == 2


def test_names_that_are_not_utf8_are_keys(tmp_path: Path) -> None:
    _, found = indexed(tmp_path, {"caf\udce9.png": b"picture", "caf\udce9.cls": b"1"}, cache=str(tmp_path / "cache"))
    assert found.keys.tolist() == [b"caf\xe9"]
