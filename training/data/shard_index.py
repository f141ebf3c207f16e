"""An index of the samples in a shard, read from the tar headers alone."""

import contextlib
import json
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
from webdataset.tariterators import base_plus_ext

from torchferry.contract.image import SUFFIXES
from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.folder_lock import exclusive
from torchferry.training.data.shards import Shards

ABSENT = -1
READERS = 8


@dataclass(frozen=True)
class ShardIndex:
    """Arrays, not objects: worker processes would copy objects by counting references."""

    keys: np.ndarray
    """bytes [samples]"""
    places: np.ndarray
    """int64 [samples, 5]: shard, then offset and size of the image and of the class; ABSENT where there is none."""
    starts: np.ndarray
    """int64 [shards + 1]: the samples of shard s are starts[s] to starts[s + 1] - 1."""


class _Parts(NamedTuple):
    image: tuple[int, int] = (ABSENT, ABSENT)
    target: tuple[int, int] = (ABSENT, ABSENT)


def index(shards: Shards) -> ShardIndex:
    """Raises UserError for a shard that cannot be read as an uncompressed tar file, and if there is no sample.

    With a cache, what was found is kept there, and the processes that share it do not all look.
    """
    alone = contextlib.nullcontext() if shards.cache is None else exclusive(Path(shards.cache).expanduser())
    with alone, ThreadPoolExecutor(READERS) as pool:  # remote storage is waited for most of the time
        found = list(pool.map(lambda shard: _known(shards, shard), range(len(shards.urls))))
    rows = [(shard, *parts.image, *parts.target) for shard, samples in enumerate(found) for parts in samples.values()]
    if all(ABSENT in row for row in rows):
        endings = f"an image ({', '.join(SUFFIXES)}) and a class (cls) under one key are expected"
        raise UserError(f"{shards.urls[0]}: has no sample in this or any other shard; {endings}")
    return ShardIndex(
        keys=np.array([key.encode() for samples in found for key in samples], dtype=np.bytes_),
        places=np.array(rows, dtype=np.int64),
        starts=np.cumsum([0, *map(len, found)], dtype=np.int64),
    )


def _known(shards: Shards, shard: int) -> dict[str, _Parts]:
    try:
        folder = shards.kept(shard)
    except FileNotFoundError as error:
        raise UserError(f"{shards.urls[shard]}: no such shard") from error
    if folder is None:
        return _samples(shards, shard)
    file = folder / "index.json"
    if not file.exists():
        samples = _samples(shards, shard)
        folder.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(samples))
        os.replace(partial, file)
    return {key: _Parts(*map(tuple, parts)) for key, parts in json.loads(file.read_text()).items()}


def _samples(shards: Shards, shard: int) -> dict[str, _Parts]:
    """Parts by key, in the shard's order."""
    url = shards.urls[shard]
    samples: dict[str, _Parts] = {}
    try:
        with shards.open(shard) as file, tarfile.open(fileobj=file, mode="r:") as tar:
            for member in tar:
                tar.members = []  # type: ignore[attr-defined]  # it would keep all of them
                if member.isreg() and not PurePosixPath(member.name).name.startswith(("__", ".")):
                    key, ending = base_plus_ext(member.name)
                    _add(samples, key, ending, (member.offset_data, member.size))
    except FileNotFoundError as error:
        raise UserError(f"{url}: no such shard") from error
    except UserError as error:
        raise UserError(f"{url}: {error}") from error
    except Exception as error:  # every file system behind fsspec has errors of its own
        raise UserError(f"{url}: cannot be read as an uncompressed tar file: {one_line(error)}") from error
    return samples


def _add(samples: dict[str, _Parts], key: str | None, ending: str | None, place: tuple[int, int]) -> None:
    if key is None or ending is None:
        return
    name = "target" if ending == "cls" else "image" if ending.lower() in SUFFIXES else None
    if name is None:
        return
    known = samples.get(key, _Parts())
    if getattr(known, name)[0] != ABSENT:
        raise UserError(f"has a second {ending} of {key}; a key is one sample's")
    samples[key] = known._replace(**{name: place})
