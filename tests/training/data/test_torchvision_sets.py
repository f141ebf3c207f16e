import gzip
import hashlib
import http.server
import multiprocessing
import os
import pickle
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset
from torchvision.datasets import CIFAR10, MNIST

from tests.http_server import http_server
from tests.training.data.sources import refusal, source
from torchferry.training.data.source import ImageInput

RANDOM = np.random.default_rng(0)
SPLITS = {"train": 20, "t10k": 7}


def idx(array: np.ndarray) -> bytes:
    """The format of MNIST's files."""
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write(raw: Path) -> dict[str, np.ndarray]:
    """The four files of MNIST, small ones; gives what is in them."""
    raw.mkdir(parents=True)
    arrays = {}
    for split, count in SPLITS.items():
        arrays[f"{split}-images-idx3-ubyte"] = RANDOM.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{split}-labels-idx1-ubyte"] = np.arange(count, dtype=np.uint8) % 10
    for name, array in arrays.items():
        (raw / name).write_bytes(idx(array))
    return arrays


@pytest.mark.parametrize(("name", "folder"), [("mnist", "MNIST"), ("fashion_mnist", "FashionMNIST")])
def test_files_that_are_there_are_taken(name: str, folder: str, tmp_path: Path) -> None:
    arrays = write(tmp_path / folder / "raw")
    found = source(name, root=str(tmp_path))
    assert isinstance(found.train, TensorDataset)
    assert found.train.tensors[0].dtype == torch.uint8
    np.testing.assert_array_equal(found.train.tensors[0].numpy(), arrays["train-images-idx3-ubyte"][:, None])
    assert found.test[:][1].tolist() == arrays["t10k-labels-idx1-ubyte"].tolist()
    assert found.labels[9] == {"mnist": "9", "fashion_mnist": "Ankle boot"}[name]
    assert isinstance(found.input, ImageInput)
    assert found.input.mean == {"mnist": (0.1307,), "fashion_mnist": (0.2860,)}[name]
    assert source(name, root=str(tmp_path), normalize="half").input.std == (0.5,)  # type: ignore[union-attr]
    assert source(name, root=str(tmp_path), mean=[0.2]).input.mean == (0.2,)  # type: ignore[union-attr]


def test_cifar_has_channels_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / CIFAR10.base_folder
    folder.mkdir()
    pixels = RANDOM.integers(0, 256, (4, 3072), dtype=np.uint8)
    for name in ("train", "test", "batches.meta"):
        content = {"data": pixels, "labels": [0, 9, 3, 3], "label_names": ["one"] * 10}
        (folder / name).write_bytes(pickle.dumps(content))
    # torchvision knows the real files by their sums.
    for split in ("train", "test"):
        monkeypatch.setattr(CIFAR10, f"{split}_list", [[split, None]])
    monkeypatch.setattr(CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": None})
    found = source("cifar10", root=str(tmp_path), download=False)
    np.testing.assert_array_equal(found.train[:][0].numpy(), pixels.reshape(4, 3, 32, 32))
    assert found.train[:][1].tolist() == [0, 9, 3, 3]
    assert (found.labels[0], found.labels[9]) == ("airplane", "truck")
    assert found.input.std == (0.2470, 0.2435, 0.2616)  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_missing_files_and_a_failed_download_are_one_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("urllib.request._opener", None)  # it would keep the proxy, for other tests too
    for variable in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nobody listens there
    where = tmp_path / {"mnist": "MNIST/raw", "cifar10": "cifar-10-batches-py"}[name]
    kept = refusal(lambda: source(name, root=str(tmp_path / "none"), download=False))
    assert not (tmp_path / "none").exists()
    assert str(tmp_path / "none") in kept
    failed = refusal(lambda: source(name, root=str(tmp_path)))
    assert failed.startswith(f"{where}: is not complete and cannot be downloaded: ")
    assert failed.endswith("or name the folder above in data.source.args.root")
    assert capfd.readouterr() == ("", "")


def test_a_damaged_file_is_one_line(tmp_path: Path) -> None:
    write(tmp_path / "MNIST" / "raw")
    os.truncate(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte", 99)
    assert f"{tmp_path}/MNIST/raw: " in refusal(lambda: source("mnist", root=str(tmp_path)))
    (tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((20, 28, 28), np.uint8)))
    (tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte").write_bytes(idx(np.full(20, 10, np.uint8)))
    found = refusal(lambda: source("mnist", root=str(tmp_path), download=False))
    assert "MNIST has class 10 of 10" in found


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves packed files slowly, and counts."""

    files: dict[str, bytes]
    asked: list[str]

    def do_GET(self) -> None:
        name = self.path.strip("/")
        if "Method" not in self.headers:  # torchvision asks once more before, to see where it is led
            self.asked.append(name)
        time.sleep(0.05)
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.files[name])))
        self.end_headers()
        self.wfile.write(self.files[name])

    def log_message(self, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[str]:
    """A place to download the small MNIST from."""
    arrays = write(tmp_path / "original")
    Mirror.files = {f"{name}.gz": gzip.compress(idx(array)) for name, array in arrays.items()}
    Mirror.asked = []
    with http_server(Mirror) as url:
        yield f"{url}/"


def load(local_rank: str, mirror: str, sums: list[tuple[str, str]], root: str) -> None:
    """What one process of a node does; it ends with 0 if it has the data."""
    os.environ["LOCAL_RANK"] = local_rank
    # Only local rank 0 can download, so whoever else tries fails.
    MNIST.mirrors, MNIST.resources = [mirror if local_rank == "0" else "http://127.0.0.1:9/"], sums
    assert source("mnist", root=root).train_size == SPLITS["train"]


def test_one_process_downloads_and_all_others_wait(mirror: str, tmp_path: Path) -> None:
    sums = [(name, hashlib.md5(data).hexdigest()) for name, data in Mirror.files.items()]
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload([__name__])
    two_nodes_that_share_a_folder = ["1", "0", "1", "0"]
    ranks = [
        processes.Process(target=load, args=(rank, mirror, sums, str(tmp_path / "data")))
        for rank in two_nodes_that_share_a_folder
    ]
    for rank in ranks:
        rank.start()
    for rank in ranks:
        rank.join(60)
    assert [rank.exitcode for rank in ranks] == [0, 0, 0, 0]
    assert sorted(Mirror.asked) == sorted(Mirror.files)
