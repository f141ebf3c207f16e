"""Measures pictures, and picks the size and the network that suit them."""

import io
import os
import statistics
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import fsspec
from PIL import Image

from torchferry.training.config.instantiate import Component

LOOKED_AT = 100
Size = tuple[int, int]
"""Height and width."""


def sizes_below(folder: Path) -> list[Size]:
    """Of the first pictures below a folder."""
    return list(islice(_of_files(folder), LOOKED_AT))


def sizes_in_shard(url: str) -> list[Size]:
    """Of the first pictures of a tar file. What cannot be read is left to the source, which says so."""
    with suppress(Exception), fsspec.open(url, "rb") as file, tarfile.open(fileobj=file, mode="r|*") as shard:
        return list(islice(_of_members(shard), LOOKED_AT))
    return []


def fitting(sizes: Iterable[Size], asked: int | None) -> int:
    """The side of the square that pictures are resized to: 224, 64 or 32, none much larger than they are."""
    if asked is not None:
        return asked
    sides = [min(size) for size in sizes]
    usual = statistics.median(sides) if sides else 224
    return 224 if usual >= 128 else 64 if usual >= 48 else 32


def network_for(side: int, classes: int) -> tuple[Component, str]:
    """And a comment on what else would do."""
    if side == 32:
        return Component(
            name="cifar2_cnn", args={"classes": classes}
        ), "or any import path; torchferry describe lists ours"
    name = "torchvision.models.resnet18"
    return Component(name=name, args={"num_classes": classes}), "or resnet50, mobilenet_v3_small, any import path"


def said(sizes: list[Size]) -> str:
    """In words, for a comment."""
    if not sizes:
        return ""
    heights, widths = zip(*sizes, strict=True)
    return f"pictures are {min(heights)} to {max(heights)} high, {min(widths)} to {max(widths)} wide"


def _of_files(folder: Path) -> Iterator[Size]:
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        for name in sorted(names):
            with suppress(Exception), Image.open(os.path.join(parent, name)) as picture:
                yield picture.height, picture.width


def _of_members(shard: tarfile.TarFile) -> Iterator[Size]:
    for member in shard:
        data = shard.extractfile(member) if member.isfile() and not member.name.endswith((".cls", ".json")) else None
        if data is not None:
            with suppress(Exception), Image.open(io.BytesIO(data.read())) as picture:
                yield picture.height, picture.width
