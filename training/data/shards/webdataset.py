"""Shards in WebDataset's format: tar files whose members KEY.jpg (or another picture) and KEY.cls are one sample.

WebDataset itself reads shards as streams, whose order depends on ranks and workers. Here each sample has
an index and is read from its place in its shard, so that the order can be a function of seed and epoch.
"""

from dataclasses import dataclass
from typing import Any

import fsspec
import numpy as np
import torch
from torch.utils.data import Dataset

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.arguments import at_least, checked, takes_arguments_of
from torchferry.training.data.decode import decode_image
from torchferry.training.data.membership import key_of
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.shards.shard_index import ABSENT, ShardIndex, index
from torchferry.training.data.shards.shards import Shards, expanded
from torchferry.training.data.source import ImageInput, Source
from torchferry.training.errors import CorruptSample


@checked
@takes_arguments_of(image=image_input)
def webdataset(
    train: str,
    test: str,
    labels: list[str] | str,
    image: ImageInput,
    endings: list[str] | None = None,
    shuffle_shards: int = 16,
    cache: str | None = None,
    storage_options: dict[str, Any] | None = None,
) -> Source:
    """Shards in WebDataset's format: tar files whose members KEY.jpg and KEY.cls are one sample.

    An epoch goes through the shards in random order, some of them at a time, whose samples are shuffled together.

    Args:
        train: Shards to train on, by braces {000..015} or `*`; local or any URL of fsspec.
        test: Shards to test on.
        labels: The classes' names, or a file with one a line.
        endings: Endings of pictures such as [jpg]; keys then follow WebDataset's own rule and end at the first dot of
            a name, and classes are KEY.cls in small letters. With null every picture's ending is known, a key may have
            dots, and a class may be KEY.CLS.
        shuffle_shards: How many shards are shuffled together.
        cache: A folder that keeps where samples lie in each shard, which is slow to find out, and copies of shards
            behind a URL.
        storage_options: Passed to fsspec.
    """
    at_least(1, shuffle_shards=shuffle_shards)
    names = _labels(labels) if isinstance(labels, str) else tuple(labels)
    if not names:
        raise UserError(f"data.source.args.labels: {labels} names no class")
    options = storage_options or {}
    trained, tested = (
        ShardImages(Shards(expanded(pattern, options, argument), options, cache), names, image, endings)
        for argument, pattern in (("train", train), ("test", test))
    )
    return Source(
        train=trained,
        test=tested,
        labels=names,
        input=image,
        order=ShardOrder(trained.index.starts, shuffle_shards),
        listings={"train": trained.index.listing, "test": tested.index.listing},
        damaged=tuple(dict.fromkeys(trained.index.damaged + tested.index.damaged)),
    )


class ShardImages(Dataset):
    """Map-style: uint8 [channels, height, width] and the class, int64 [].

    Raises CorruptSample, which names shard and key, for a sample that cannot be read; UserError for a class without
    a label.
    """

    deterministic = True

    def __init__(
        self, shards: Shards, labels: tuple[str, ...], image: ImageInput, endings: list[str] | None = None
    ) -> None:
        self.shards, self.labels, self.image = shards, labels, image
        self.index: ShardIndex = index(shards, endings)

    def __len__(self) -> int:
        return len(self.index.places)

    def keys(self) -> np.ndarray:
        """uint64 [samples]: hashes of the samples' keys."""
        return np.array([key_of(key) for key in self.index.keys.tolist()], np.uint64)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor]:
        name, picture = self.file(number)
        shard, _, _, *place = self.index.places[number].tolist()
        text = self._part(name, "cls", shard, *place)
        try:
            target = int(text)
        except ValueError as error:
            raise CorruptSample(f"{name}.cls: {text[:20]!r} is not a whole number") from error
        if not 0 <= target < len(self.labels):
            allowed = f"data.source.args.labels has {len(self.labels)}, 0 to {len(self.labels) - 1}"
            raise UserError(f"{name}.cls: there is no class {target}; {allowed}")
        return decode_image(picture, self.image, name), torch.tensor(target)

    def file(self, number: int) -> tuple[str, bytes]:
        """Its shard and key, and the picture file's bytes."""
        shard, offset, size, *_ = self.index.places[number].tolist()
        name = f"{self.shards.urls[shard]}: {self.index.keys[number].decode(errors='backslashreplace')}"
        return name, self._part(name, "image", shard, offset, size)

    def _part(self, name: str, part: str, shard: int, offset: int, size: int) -> bytes:
        if offset == ABSENT:
            raise CorruptSample(f"{name}: has no {part}")
        try:
            data = self.shards.read(shard, offset, size)
        except Exception as error:  # every file system behind fsspec has errors of its own
            raise CorruptSample(f"{name}: cannot be read: {one_line(error)}") from error
        if len(data) < size:
            raise CorruptSample(f"{name}: cannot be read: the shard ends before it")
        return data


@dataclass(frozen=True)
class ShardOrder:
    """The order of all samples in an epoch; a stretch of it touches few shards."""

    starts: np.ndarray
    """int64 [shards + 1], as in ShardIndex."""
    window: int
    """How many shards are shuffled together."""

    def __call__(self, seed: int, epoch: int) -> np.ndarray:
        random = np.random.default_rng([seed, epoch])
        shards = random.permutation(len(self.starts) - 1)
        order = []
        for first in range(0, len(shards), self.window):
            together = shards[first : first + self.window]
            samples = np.concatenate([np.arange(self.starts[shard], self.starts[shard + 1]) for shard in together])
            order.append(random.permutation(samples))
        return np.concatenate(order)


def _labels(path: str) -> tuple[str, ...]:
    try:
        with fsspec.open(path, "rt", encoding="utf-8") as file:
            return tuple(line.strip() for line in file if line.strip())
    except Exception as error:  # every file system behind fsspec has errors of its own
        raise UserError(f"data.source.args.labels: cannot read {path}: {one_line(error)}") from error
