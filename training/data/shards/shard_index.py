"""An index of the samples in shards, read from the tar headers alone."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from webdataset.tariterators import base_plus_ext

from torchferry.contract.image_formats import SUFFIXES
from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.folder_lock import exclusive
from torchferry.training.data.shards.shard_members import Member, read_members
from torchferry.training.data.shards.shards import Shards
from torchferry.training.data.source import Listing

ABSENT = -1
READERS = 8
FORMAT = 2
"""Of a cached index; one of another format is made again."""


@dataclass(frozen=True)
class ShardIndex:
    """Arrays, not objects: worker processes would copy objects by counting references."""

    keys: np.ndarray
    """bytes [samples]"""
    places: np.ndarray
    """int64 [samples, 5]: shard, then offset and size of the image and of the class; ABSENT where there is none."""
    starts: np.ndarray
    """int64 [shards + 1]: the samples of shard s are starts[s] to starts[s + 1] - 1."""
    listing: Listing
    """Of the shards' file names, and of each sample's key and sizes."""
    damaged: tuple[str, ...]
    """A line for each shard that is not whole, and one for samples that lack a part."""


class Parts(NamedTuple):
    image: tuple[int, int] = (ABSENT, ABSENT)
    target: tuple[int, int] = (ABSENT, ABSENT)


def index(shards: Shards, endings: Sequence[str] | None = None) -> ShardIndex:
    """`endings` are those of images, by WebDataset's own rule for keys; see `paired`.

    Raises UserError for a shard that cannot be read as an uncompressed tar file, and if there is no sample.
    With a cache, what was found is kept there, and the processes that share it do not all look.
    """
    alone = contextlib.nullcontext() if shards.cache is None else exclusive(Path(shards.cache).expanduser())
    with alone, ThreadPoolExecutor(READERS) as pool:  # remote storage is waited for most of the time
        read = list(pool.map(lambda shard: _known(shards, shard), range(len(shards.urls))))
    found = []
    for url, (members, _) in zip(shards.urls, read, strict=True):
        try:
            found.append(paired(members, endings))
        except UserError as error:
            raise UserError(f"{url}: {error}") from error
    rows = [(shard, *parts.image, *parts.target) for shard, samples in enumerate(found) for parts in samples.values()]
    ends = [f"{url}: {end}" for url, (_, end) in zip(shards.urls, read, strict=True) if end]
    if all(ABSENT in row for row in rows):
        expected = f"an image ({', '.join(endings or SUFFIXES)}) and a class (cls) under one key are expected"
        raise UserError(
            "; ".join([f"{shards.urls[0]}: has no sample in this or any other shard; {expected}", *ends[:1]])
        )
    # A tar file's names are bytes, which need not be UTF-8.
    keys = np.array([key.encode(errors="surrogateescape") for samples in found for key in samples], dtype=np.bytes_)
    places = np.array(rows, dtype=np.int64)
    return ShardIndex(
        keys=keys,
        places=places,
        starts=np.cumsum([0, *map(len, found)], dtype=np.int64),
        listing=_listing(shards.urls, keys, places),
        damaged=(*ends, *_incomplete(shards.urls, keys, places)),
    )


def paired(members: Iterable[Member], endings: Sequence[str] | None) -> dict[str, Parts]:
    """Image and class by key, in the order of the members. KEY.jpg (or another picture's ending) and KEY.cls are one
    sample, in capitals too.

    A key may have dots, but KEY.seg.png beside a sample KEY is a part of that, which is left out. With `endings` a key
    ends at the first dot of a file's name, as in WebDataset; images end as `endings` say, and classes in cls.
    """
    samples: dict[str, Parts] = {}
    names: dict[tuple[str, str], str] = {}
    for member in members:
        key, ending = base_plus_ext(member.name)
        if key is None or ending is None:
            continue
        if endings is None and "." in ending:
            more, _, ending = ending.rpartition(".")
            key = f"{key}.{more}"
        part = _part(ending, endings)
        if part is None:
            continue
        if (key, part) in names:
            hint = "; data.source.args.endings says which is meant" if part == "image" else ""
            raise UserError(f"has {member.name} beside {names[key, part]}; a key is one sample's{hint}")
        names[key, part] = member.name
        samples[key] = samples.get(key, Parts())._replace(**{part: (member.offset, member.size)})
    return samples if endings is not None else _without_extras(samples)


def _part(ending: str, endings: Sequence[str] | None) -> str | None:
    """Of a sample; None for what is no part of one."""
    if ending == "cls" or (endings is None and ending.lower() == "cls"):
        return "target"
    return "image" if ending.lower() in (endings or SUFFIXES) else None


def _without_extras(samples: dict[str, Parts]) -> dict[str, Parts]:
    def is_extra(key: str, parts: Parts) -> bool:
        folder, slash, name = key.rpartition("/")
        pieces = name.split(".")
        above = (folder + slash + ".".join(pieces[:count]) for count in range(1, len(pieces)))
        return ABSENT in (parts.image[0], parts.target[0]) and any(key in samples for key in above)

    return {key: parts for key, parts in samples.items() if not is_extra(key, parts)}


def _incomplete(urls: Sequence[str], keys: np.ndarray, places: np.ndarray) -> list[str]:
    """A line on the samples that lack a part; each of them is a sample that cannot be read."""
    lacking = np.flatnonzero((places == ABSENT).any(axis=1))
    if not len(lacking):
        return []
    first = places[lacking[0]]
    key, part = keys[lacking[0]].decode(errors="backslashreplace"), "image" if first[1] == ABSENT else "class (cls)"
    more = f", and {len(lacking) - 1} more samples lack a part" if len(lacking) > 1 else ""
    return [f"{urls[first[0]]}: {key} has no {part}{more}"]


def _listing(urls: Sequence[str], keys: np.ndarray, places: np.ndarray) -> Listing:
    """Of names without their folders, so that a copy elsewhere is the same."""
    names = [PurePosixPath(url).name for url in urls]
    digest = hashlib.sha256(json.dumps([names, keys.dtype.itemsize]).encode())
    digest.update(keys.tobytes())
    digest.update(np.ascontiguousarray(places[:, [0, 2, 4]], "<i8").tobytes())
    return Listing(samples=len(keys), sha256=digest.hexdigest())


def _known(shards: Shards, shard: int) -> tuple[list[Member], str]:
    """From the cache, or from the shard."""
    try:
        folder = shards.kept(shard)
    except FileNotFoundError as error:
        raise UserError(f"{shards.urls[shard]}: no such shard") from error
    if folder is None:
        return _read(shards, shard)
    file = folder / "index.json"
    if (found := _cached(file)) is not None:
        return found
    members, end = _read(shards, shard)
    content = json.dumps([members, end])
    folder.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps({"format": FORMAT, "sha256": _sha256(content), "content": content}))
    os.replace(partial, file)
    return members, end


def _cached(file: Path) -> tuple[list[Member], str] | None:
    """None for what is missing, damaged or of another format."""
    try:
        kept = json.loads(file.read_text())
        if kept["format"] != FORMAT or kept["sha256"] != _sha256(kept["content"]):
            return None
        members, end = json.loads(kept["content"])
        return [Member(*member) for member in members], end
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read(shards: Shards, shard: int) -> tuple[list[Member], str]:
    url = shards.urls[shard]
    try:
        with shards.open(shard) as file:
            return read_members(file)
    except FileNotFoundError as error:
        raise UserError(f"{url}: no such shard") from error
    except UserError as error:
        raise UserError(f"{url}: {error}") from error
    except Exception as error:  # every file system behind fsspec has errors of its own
        raise UserError(f"{url}: cannot be read as an uncompressed tar file: {one_line(error)}") from error
