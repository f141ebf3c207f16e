"""Data of which anything sensible learns everything: dark and light pictures, sums and signs of numbers."""

import csv
import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = {"dark": 60, "light": 190}


def folder_of(root: Path, train: int = 12, test: int = 4, size: tuple[int, int] = (40, 36)) -> Path:
    """ROOT/train/CLASS/N.png and ROOT/test/CLASS/N.png, so many of each class."""
    for split, count in (("train", train), ("test", test)):
        for label in CLASSES:
            (root / split / label).mkdir(parents=True)
            for number in range(count):
                (root / split / label / f"{number}.png").write_bytes(picture(label, number, size))
    return root


def picture(label: str, seed: int, size: tuple[int, int] = (40, 36)) -> bytes:
    """A PNG of noise about the class's brightness."""
    values = np.random.default_rng(seed).normal(CLASSES[label], 20, (*size, 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(values, 0, 255).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def shard_of(path: Path, count: int) -> Path:
    """A tar file of samples of both classes in turn."""
    with tarfile.open(path, "w") as shard:
        for number in range(count):
            kind = number % 2
            for ending, data in (("png", picture(list(CLASSES)[kind], number)), ("cls", str(kind).encode())):
                member = tarfile.TarInfo(f"{number:03d}.{ending}")
                member.size = len(data)
                shard.addfile(member, io.BytesIO(data))
    return path


def table_of(path: Path, columns: tuple[str, ...], rows: int = 120) -> Path:
    """Numbers a and b; their sum, weighted, in `price`, which is greater in `kind`, and in `count` a whole number."""
    values = np.random.default_rng(0).normal(size=(rows, 2)).round(3)
    with path.open("w", newline="") as file:
        lines = csv.DictWriter(file, columns, extrasaction="ignore")
        lines.writeheader()
        for number, (a, b) in enumerate(values.tolist()):
            kind = "up" if a > b else "down"
            lines.writerow({"a": a, "b": b, "price": a - 2 * b, "kind": kind, "count": number})
    return path
