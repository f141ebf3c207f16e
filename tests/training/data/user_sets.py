"""Data sets as users write them, taken by their import path."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import webdataset
from PIL import Image
from torch.utils.data import IterableDataset, get_worker_info

from tests.training.data.sources import noise


class Pictures:
    """Sample i is noise(i), of class i % 3; one may be broken."""

    def __init__(self, count: int = 6, broken: int = -1) -> None:
        self.count, self.broken = count, broken

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Any, int]:
        if index == self.broken:
            raise KeyError("lost")
        return noise(index), index % 3


class Sides:
    """Pictures of two halves, each bright or dark, and whether each is bright; of sample `wrong` that is a 2."""

    def __init__(self, count: int = 40, first: int = 0, wrong: int = -1) -> None:
        self.count, self.first, self.wrong = count, first, wrong

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> tuple[Image.Image, list[int]]:
        bright = [int(side) for side in np.random.default_rng(self.first + index).integers(2, size=2)]
        halves = np.repeat(np.array(bright, dtype=np.uint8) * 255, 4)
        return Image.fromarray(np.tile(halves, (8, 1))), [2, 0] if index == self.wrong else bright


class Files:
    """PIL images of files that are read when their pixels are asked for; the second is cut."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> tuple[Image.Image, int]:
        return Image.open(io.BytesIO((self.folder / f"{index}.png").read_bytes())), index


class Pairs:
    """The same (x, y), given as the recipe has it, at every index; `of` makes an array or tensor of x."""

    def __init__(self, x: Any, y: Any, of: str = "", datatype: str = "float32") -> None:
        self.pair = (Pairs.made(x, of, datatype), y)

    @staticmethod
    def made(x: Any, of: str, datatype: str) -> Any:
        if of == "array":
            return np.asarray(x, dtype=datatype)
        return torch.tensor(x, dtype=getattr(torch, datatype)) if of == "tensor" else x

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return self.pair


class Due:
    """Two targets, one of them constant; sample `broken` cannot be read."""

    def __init__(self, broken: int = -1) -> None:
        self.broken = broken

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> tuple[np.ndarray, list[float]]:
        if index == self.broken:
            raise KeyError("lost")
        return np.zeros(1, np.float32), [1700000000.0 + 2 * index, 0.1]


class Counted(IterableDataset):
    """A stream that knows its length."""

    def __len__(self) -> int:
        return 5

    def __iter__(self) -> Iterator[tuple[np.ndarray, float]]:
        return ((np.full((2,), number, dtype=np.float32), number / 2) for number in range(5))


class Numbers(IterableDataset):
    """Counts on from 100 x epoch, to `end`; fails at `broken`."""

    def __init__(self, end: int = 10**9, broken: int = -1) -> None:
        self.end, self.broken, self.epoch = end, broken, 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[tuple[np.ndarray, float]]:
        for number in range(100 * self.epoch, 100 * self.epoch + self.end):
            if number == self.broken:
                raise OSError("connection lost")
            yield np.full((2,), number, dtype=np.float32), number / 2


class Divided(IterableDataset):
    """0 to 11, of which each rank and each loader process gives its part: by torch.distributed or torchrun's variables,
    when it is made (`early`) or when it is walked."""

    def __init__(self, early: bool = False) -> None:
        self.place = self.places() if early else None

    @staticmethod
    def places() -> tuple[int, int]:
        if dist.is_initialized():
            return dist.get_rank(), dist.get_world_size()
        return int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))

    def __iter__(self) -> Iterator[tuple[np.ndarray, int]]:
        rank, ranks = self.place or self.places()
        worker = get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        for index in range(rank * workers + number, 12, ranks * workers):
            yield np.full((1,), index, dtype=np.float32), index


def divided_shards(pattern: str) -> IterableDataset:
    """WebDataset's own stream, with its own splitters."""
    stream = webdataset.WebDataset(pattern, shardshuffle=False, nodesplitter=webdataset.split_by_node)
    return stream.map(lambda sample: (np.full((1,), int(sample["cls"]), dtype=np.float32), int(sample["cls"])))


def single() -> list[int]:
    """Samples that are no pairs."""
    return [1, 2]


def nothing() -> None:
    """Is no data set."""
