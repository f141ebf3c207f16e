"""MNIST, Fashion-MNIST and CIFAR-10 as torchvision downloads them, whole in memory."""

import contextlib
import io
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import TensorDataset
from torchvision.datasets import CIFAR10, MNIST, FashionMNIST

from torchferry.errors import UserError
from torchferry.training.config.instantiate import one_line
from torchferry.training.data.arguments import checked, takes_arguments_of
from torchferry.training.data.folder_lock import exclusive, shared
from torchferry.training.data.pictures.array_pictures import ArrayPictures
from torchferry.training.data.pictures.image_input import Constants, Mode
from torchferry.training.data.source import Source

Splits = tuple[TensorDataset, TensorDataset]


ARGUMENTS = """

Args:
    root: The folder that holds, or will hold, torchvision's folder of the set.
    download: Whether files that are missing are downloaded, by one process of each node.
"""


def _source(kind: Any, folder: str, labels: Sequence[str], own: Constants, summary: str) -> Callable[..., Source]:
    """`own` are the set's mean and std, for a recipe that names none; the summary begins the source's docstring."""

    def source(
        root: str = "data",
        download: bool = True,
        *,
        said: ArrayPictures,
    ) -> Source:
        train, test = _splits(kind, folder, root, download)
        channels, height, width = train.tensors[0].shape[1:]
        mode: Mode = "L" if channels == 1 else "RGB"
        image = said.input(height, width, mode, own)
        return Source(train=train, test=test, labels=tuple(labels), input=image)

    source.__doc__ = summary + ARGUMENTS
    return checked(takes_arguments_of(said=ArrayPictures)(source))


def _splits(kind: Any, folder: str, root: str, download: bool) -> Splits:
    """Read what is complete. Local rank 0 downloads what is not, while the node's other ranks look again and again.

    They may wait for ever only if rank 0 has ended, and then torchrun ends them too. The lock keeps a
    second node that shares the folder from downloading, and anyone from reading half a file.
    """
    base = Path(root).expanduser()
    expected = f"put the files of {kind.__name__} there, or name the folder above in data.source.args.root"
    while True:
        try:
            with shared(base):
                return _read(kind, base, download=False)
        except Exception as error:  # torchvision's readers raise many kinds at missing and damaged files
            if not download:
                raise UserError(f"{base / folder}: cannot be read: {one_line(error)}; {expected}") from error
        if os.environ.get("LOCAL_RANK", "0") == "0":
            try:
                with exclusive(base):
                    return _read(kind, base, download=True)
            except Exception as error:
                why = f"is not complete and cannot be downloaded: {one_line(error)}"
                raise UserError(f"{base / folder}: {why}; {expected}") from error
        time.sleep(0.2)


def _read(kind: Any, root: Path, download: bool) -> Splits:
    train, test = (_tensors(_quietly(kind, root, train, download), kind.__name__) for train in (True, False))
    return train, test


def _quietly(kind: Any, root: Path, train: bool, download: bool) -> Any:
    """torchvision prints to both streams; its progress bar is left to people. A silent server is given up."""
    bar = sys.stderr if sys.stderr.isatty() else io.StringIO()
    patience = socket.getdefaulttimeout()
    socket.setdefaulttimeout(60)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(bar):
            return kind(root, train=train, download=download)
    finally:
        socket.setdefaulttimeout(patience)


def _tensors(samples: Any, name: str) -> TensorDataset:
    """uint8 [channels, height, width] and int64 []."""
    images, classes = torch.as_tensor(samples.data), torch.as_tensor(samples.targets, dtype=torch.int64)
    images = images.unsqueeze(1) if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()
    if len(images) == 0 or len(images) != len(classes):
        raise UserError(f"{name} has {len(images)} images and {len(classes)} classes")
    if classes.min() < 0 or classes.max() >= len(samples.classes):
        raise UserError(f"{name} has class {int(classes.max())} of {len(samples.classes)}")
    return TensorDataset(images, classes)


CIFAR10_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

mnist = _source(
    MNIST,
    "MNIST/raw",
    "0123456789",
    ((0.1307,), (0.3081,)),
    "MNIST: 60,000 and 10,000 handwritten digits, grey, 28 x 28.",
)
fashion_mnist = _source(
    FashionMNIST,
    "FashionMNIST/raw",
    FashionMNIST.classes,
    ((0.2860,), (0.3530,)),
    "Fashion-MNIST: 60,000 and 10,000 pictures of clothes, grey, 28 x 28.",
)
cifar10 = _source(
    CIFAR10,
    CIFAR10.base_folder,
    CIFAR10_CLASSES,
    ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
    "CIFAR-10: 50,000 and 10,000 photographs in colour, 32 x 32.",
)
