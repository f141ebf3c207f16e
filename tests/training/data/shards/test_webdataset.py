import functools
import http.server
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from webdataset import TarWriter

from tests.http_server import http_server
from tests.training.data.sources import noise, refusal, source
from torchferry.errors import UserError
from torchferry.training.errors import CorruptSample

SHARDS, EACH, LABELS = 5, 6, ["ant", "bee", "cat"]
ARGS = {"labels": LABELS, "height": 12, "width": 10}


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    noise(seed).save(buffer, "PNG")
    return buffer.getvalue()


def write(folder: Path) -> str:
    """Sample i of all shards is noise(i) of class i % 3; gives the pattern."""
    for shard in range(SHARDS):
        with TarWriter(str(folder / f"train-{shard:03}.tar")) as tar:
            for number in range(shard * EACH, (shard + 1) * EACH):
                tar.write({"__key__": f"photos/{number:04}", "png": png(number), "cls": number % 3, "json": {"a": 1}})
    return f"{folder}/train-{{000..{SHARDS - 1:03}}}.tar"


@pytest.fixture
def pattern(tmp_path: Path) -> str:
    return write(tmp_path)


class Ranges(http.server.SimpleHTTPRequestHandler):
    """As object stores do, it gives parts of files."""

    def do_GET(self) -> None:
        data = Path(self.translate_path(self.path)).read_bytes()
        wanted = self.headers.get("Range")
        first, last = map(int, wanted.removeprefix("bytes=").split("-")) if wanted else (0, len(data) - 1)
        last = min(last, len(data) - 1)
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last + 1 - first))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data[first : last + 1])

    do_HEAD = do_GET

    def log_message(self, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def url(pattern: str, tmp_path: Path) -> Iterator[str]:
    """The same shards behind HTTP."""
    with http_server(functools.partial(Ranges, directory=tmp_path)) as server:
        yield f"{server}/{Path(pattern).name}"


def assert_all_there(samples: torch.utils.data.Dataset, workers: int = 0, start: str | None = None) -> None:
    loader = DataLoader(samples, batch_size=SHARDS * EACH, num_workers=workers, multiprocessing_context=start)
    images, classes = next(iter(loader))
    assert classes.tolist() == [number % 3 for number in range(SHARDS * EACH)]
    for number, image in enumerate(images):
        np.testing.assert_array_equal(image.numpy(), np.asarray(noise(number)).transpose(2, 0, 1))


@pytest.mark.parametrize("start", [None, "fork", "spawn"])
def test_every_process_reads_all_samples_in_their_places(start: str | None, pattern: str) -> None:
    shards = source("webdataset", train=pattern, test=pattern, **ARGS)
    assert shards.labels == ("ant", "bee", "cat")
    assert int(shards.train[7][1]) == 1  # opens a file before the fork
    assert_all_there(shards.train, workers=0 if start is None else 1, start=start)


def test_a_sample_gives_its_picture_file(pattern: str, tmp_path: Path) -> None:
    samples = source("webdataset", train=pattern, test=pattern, **ARGS).test
    assert samples.file(7) == (f"{tmp_path}/train-001.tar: photos/0007", png(7))  # type: ignore[attr-defined]


def test_processes_that_forked_do_not_share_a_position(pattern: str) -> None:
    shards = source("webdataset", train=pattern, test=pattern, **ARGS)
    assert int(shards.train[0][1]) == 0
    child = os.fork()
    for _ in range(300):
        for number in range(EACH):
            if int(shards.train[number][1]) != number % 3:
                os._exit(1) if child == 0 else pytest.fail("a wrong sample was read")
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def test_shards_behind_a_url(url: str, tmp_path: Path) -> None:
    shards = source("webdataset", train=url, test=f"simplecache::{url}", **ARGS)
    assert_all_there(shards.train)
    assert_all_there(shards.train, workers=1, start="fork")
    assert_all_there(shards.test)
    cached = source("webdataset", train=url, test=url, cache=str(tmp_path / "copies"), **ARGS)
    (tmp_path / "train-000.tar").unlink()
    assert_all_there(cached.train, workers=1, start="fork")
    assert sorted(path.name for path in (tmp_path / "copies").glob("*/*.tar")) == ["shard.tar"] * SHARDS


def test_a_cache_knows_local_shards_until_they_change(pattern: str, tmp_path: Path) -> None:
    cache, first = tmp_path / "cache", tmp_path / "train-000.tar"
    for _ in range(2):
        assert_all_there(source("webdataset", train=pattern, test=pattern, cache=str(cache), **ARGS).train)
    assert not list(cache.glob("*/*.tar"))
    kept = sorted(cache.glob("*/index.json"))
    assert len(kept) == SHARDS
    first.write_bytes((tmp_path / "train-004.tar").read_bytes())
    os.utime(first, (1, 1))
    changed = source("webdataset", train=pattern, test=pattern, cache=str(cache), **ARGS)
    assert changed.train.index.keys[0] == b"photos/0024"  # type: ignore[attr-defined]
    first.unlink()
    words = refusal(lambda: source("webdataset", train=pattern, test=pattern, cache=str(cache), **ARGS))
    assert words == f"{first}: no such shard"


def test_shards_in_memory_by_a_star(pattern: str, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    for path in tmp_path.glob("*.tar"):
        memory.pipe(f"/somewhere/{path.name}", path.read_bytes())
    assert_all_there(source("webdataset", train="memory://somewhere/train-*.tar", test=pattern, **ARGS).train)
    assert_all_there(source("webdataset", train=f"{tmp_path}/*.tar", test=pattern, **ARGS).train)


def test_the_order_depends_on_seed_and_epoch_and_stays_in_few_shards(pattern: str) -> None:
    order = source("webdataset", train=pattern, test=pattern, shuffle_shards=2, **ARGS).order
    assert order is not None
    first = order(3, 0)
    assert first.dtype == np.int64
    assert sorted(first.tolist()) == list(range(SHARDS * EACH))
    np.testing.assert_array_equal(first, order(3, 0))
    assert first.tolist() != order(3, 1).tolist()
    assert first.tolist() != order(4, 0).tolist()
    windows = [set((first[start : start + 2 * EACH] // EACH).tolist()) for start in (0, 2 * EACH, 4 * EACH)]
    assert [len(window) for window in windows] == [2, 2, 1]
    assert len(set().union(*windows)) == SHARDS
    assert (np.diff(first[: 2 * EACH] // EACH) != 0).sum() > 2  # shuffled together, not one after the other


def test_labels_may_be_a_file(pattern: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("ant\nbee\ncat\n")
    shards = source("webdataset", train=pattern, test=pattern, **ARGS | {"labels": str(tmp_path / "labels.txt")})
    assert shards.labels == ("ant", "bee", "cat")


def test_more_shards_than_files_may_be_open(tmp_path: Path) -> None:
    for shard in range(70):
        with TarWriter(str(tmp_path / f"{shard:03}.tar")) as tar:
            tar.write({"__key__": "only", "png": png(shard), "cls": 0})
    shards = source("webdataset", train=f"{tmp_path}/*.tar", test=f"{tmp_path}/000.tar", **ARGS)
    for number in (*range(70), 0):
        np.testing.assert_array_equal(shards.train[number][0].numpy(), np.asarray(noise(number)).transpose(2, 0, 1))


def test_corrupt_samples_are_named_by_shard_and_key(tmp_path: Path) -> None:
    picture = png(0)
    samples = [
        {"png": picture, "cls": b"0"},
        {"png": picture[:90], "cls": b"0"},
        {"png": picture, "cls": b"two"},
        {"png": picture},
        {"cls": b"1"},
        {"png": picture, "cls": b"3"},
    ]
    with TarWriter(str(tmp_path / "a.tar"), encoder=False) as tar:
        for number, parts in enumerate(samples):
            tar.write({"__key__": f"k{number}", **parts})
    shards = source("webdataset", train=f"{tmp_path}/a.tar", test=f"{tmp_path}/a.tar", **ARGS)
    assert int(shards.train[0][1]) == 0
    wanted = ["k1: cannot be read as an image", r"k2.cls: b'two' is not a whole", "k3: has no cls", "k4: has no image"]
    for number, words in enumerate(wanted, 1):
        with pytest.raises(CorruptSample, match=rf"^{tmp_path}/a.tar: {words}"):
            shards.train[number]
    with pytest.raises(UserError, match=r"k5.cls: there is no class 3; data.source.args.labels has 3, 0 to 2") as wrong:
        shards.train[5]
    assert not isinstance(wrong.value, CorruptSample)
    os.truncate(tmp_path / "a.tar", 512)
    with pytest.raises(CorruptSample, match="k0: cannot be read: the shard ends before it"):
        shards.train[0]


def test_a_shard_that_ends_early_is_damage_and_its_beginning_is_read(pattern: str, tmp_path: Path) -> None:
    whole = source("webdataset", train=pattern, test=pattern, **ARGS)
    assert (whole.damaged, whole.train_size) == ((), SHARDS * EACH)
    last = tmp_path / "train-004.tar"
    with tarfile.open(last) as tar:
        third = next(member for member in tar if member.name.endswith("26.png"))
    os.truncate(last, third.offset + 100)
    found = source("webdataset", train=pattern, test=f"{tmp_path}/train-{{000..003}}.tar", **ARGS)
    assert [line for line in found.damaged if "ends early" in line] == [
        f"{last}: ends early, inside a header after photos/0026.json"
    ]
    assert found.train_size < SHARDS * EACH
    assert int(found.train[25][1]) == 25 % 3
    assert found.listings["test"].samples == 4 * EACH
    assert found.listings["train"] != whole.listings["train"]


def test_what_are_no_shards_is_refused(pattern: str, tmp_path: Path) -> None:
    def refused(**args: object) -> str:
        return refusal(lambda: source("webdataset", **{"train": pattern, "test": pattern, **ARGS, **args}))

    missing = tmp_path / "train-005.tar"
    assert f"{missing}: no such shard" in refused(train=f"{tmp_path}/train-{{000..005}}.tar")
    assert "data.source.args.test: " in refused(test=f"{tmp_path}/*.zip")
    assert "cannot be listed: " in refused(test="nowhere://{0..3}/*.tar")
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as packed:
        packed.add(tmp_path / "train-000.tar")
    assert f"{tmp_path}/packed.tar.gz: is compressed with gzip; " in refused(train=f"{tmp_path}/packed.tar.gz")
    (tmp_path / "train-001.tar").write_text("no tar file" * 100)
    assert f"{tmp_path}/train-001.tar: cannot be read as an uncompressed tar file: ReadError" in refused()
    with TarWriter(str(tmp_path / "text.tar")) as tar:
        tar.write({"__key__": "a", "txt": "no image"})
    assert "text.tar: has no sample in this or any other shard" in refused(train=f"{tmp_path}/text.tar")
    with TarWriter(str(tmp_path / "twice.tar")) as tar:
        for _ in range(2):
            tar.write({"__key__": "a", "png": png(0), "cls": 0})
    assert "twice.tar: has a.cls beside a.cls" in refused(train=f"{tmp_path}/twice.tar")
    assert "data.source.args.labels: cannot read" in refused(labels=str(tmp_path / "none.txt"))
    assert "data.source.args.labels: [] names no class" in refused(labels=[])
    assert "data.source.args.shuffle_shards: 0 is too small" in refused(shuffle_shards=0)
