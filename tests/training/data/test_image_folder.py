import os
import tarfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from tests.commands import ROOT
from tests.training.data.sources import image_tree, noise, refusal, source
from torchferry.training.data.source import ImageInput
from torchferry.training.errors import CorruptSample

SIZE = {"height": 12, "width": 10}
CIFAR = ROOT.parent / "shared" / "data" / "cifar10-jpeg.tar.gz"


def test_classes_are_the_folders_and_samples_the_files(tmp_path: Path) -> None:
    images = source("image_folder", root=str(image_tree(tmp_path)), **SIZE)
    assert images.labels == ("ant", "bee", "cat")
    assert (images.train_size, images.test_size) == (12, 3)
    for index in range(12):
        image, target = images.train[index]
        assert (image.dtype, target.dtype, int(target)) == (torch.uint8, torch.int64, index // 4)
        expected = np.asarray(noise(100 * (index // 4) + index % 4)).transpose(2, 0, 1)
        np.testing.assert_array_equal(image.numpy(), expected)


def test_memory_holds_what_the_files_give(tmp_path: Path) -> None:
    image_tree(tmp_path)
    lazy = source("image_folder", root=str(tmp_path), **SIZE)
    ready = source("image_folder", root=str(tmp_path), in_memory=True, **SIZE)
    assert isinstance(ready.train, TensorDataset)
    images, targets = next(iter(DataLoader(lazy.train, batch_size=12, num_workers=1)))
    assert torch.equal(ready.train.tensors[0], images)
    assert torch.equal(ready.train.tensors[1], targets)


def test_other_files_are_left_out_and_subfolders_are_read(tmp_path: Path) -> None:
    image_tree(tmp_path, each=1)
    (tmp_path / "train" / ".hidden").mkdir()
    (tmp_path / "train" / "ant" / "notes.txt").write_text("no image")
    (tmp_path / "train" / "ant" / "._0.png").write_text("no image")
    (tmp_path / "train" / "ant" / "more").mkdir()
    noise(9).save(tmp_path / "train" / "ant" / "more" / "9.JPEG")
    images = source("image_folder", root=str(tmp_path), **SIZE)
    assert [int(images.train[index][1]) for index in range(images.train_size)] == [0, 0, 1, 2]


@pytest.mark.parametrize(("limit", "counts"), [(1, [1]), (5, [2, 2, 1]), (99, [4, 4, 4])])
def test_a_limit_takes_evenly_from_the_classes(limit: int, counts: list[int], tmp_path: Path) -> None:
    images = source("image_folder", root=str(image_tree(tmp_path)), limit=limit, **SIZE)
    taken = Counter(int(images.train[index][1]) for index in range(images.train_size))
    assert [taken[label] for label in sorted(taken)] == counts


def test_normalisation_goes_by_name_or_numbers(tmp_path: Path) -> None:
    root = str(image_tree(tmp_path))
    grey = source("image_folder", root=root, mode="L", interpolation="bicubic", mean=[0.3], **SIZE).input
    assert grey == ImageInput(mode="L", interpolation="bicubic", mean=(0.3,), std=(0.226,), **SIZE)
    assert source("image_folder", root=root, **SIZE).input.mean == (0.485, 0.456, 0.406)  # type: ignore[union-attr]
    assert source("image_folder", root=root, normalize="none", **SIZE).input.std == (1, 1, 1)  # type: ignore[union-attr]


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    image_tree(tmp_path)
    damaged = tmp_path / "train" / "bee" / "1.png"
    damaged.write_bytes(damaged.read_bytes()[:100])
    images = source("image_folder", root=str(tmp_path), **SIZE)
    with pytest.raises(CorruptSample, match=rf"^{damaged}: cannot be read as an image: the image is damaged: .*trunc"):
        images.train[5]
    with pytest.raises(CorruptSample, match=rf"^{damaged}: "):
        source("image_folder", root=str(tmp_path), in_memory=True, **SIZE)
    (tmp_path / "train" / "ant" / "0.png").unlink()
    with pytest.raises(CorruptSample, match=r"ant/0.png: cannot be read: No such file or directory"):
        images.train[0]


def test_folders_that_are_no_data_set_are_refused(tmp_path: Path) -> None:
    def refused(**args: object) -> str:
        return refusal(lambda: source("image_folder", **{"root": str(tmp_path), **SIZE, **args}))

    assert "which is no folder" in refused(root=str(tmp_path / "none"))
    (tmp_path / "train").mkdir()
    assert f"{tmp_path / 'train'}: has no folders; one folder per class is expected" in refused()
    (tmp_path / "train" / "ant").mkdir()
    assert f"{tmp_path / 'test'}: No such file or directory; test/CLASS/*.jpg is expected in" in refused()
    (tmp_path / "test" / "ant").mkdir(parents=True)
    assert f"{tmp_path / 'train' / 'ant'}: has no image file" in refused()
    noise(0).save(tmp_path / "train" / "ant" / "0.png")
    assert f"{tmp_path / 'test'}: has no image file" in refused()
    (tmp_path / "test" / "bee").mkdir()
    assert f"{tmp_path / 'test' / 'bee'}: is no class of training" in refused()
    (tmp_path / "train" / os.fsdecode(b"caf\xe9")).mkdir()
    assert f"{tmp_path / 'train'}: the name of b'caf\\xe9' is not UTF-8; rename it" in refused()
    (tmp_path / "train" / os.fsdecode(b"caf\xe9")).rmdir()
    assert "data.source.args.limit: 0 is too small" in refused(limit=0)
    assert "data.source.args.width: 0 is too small" in refused(width=0)
    assert "data.source.args.mode: 'CMYK' is not RGB or L" in refused(mode="CMYK")


@pytest.mark.skipif(not CIFAR.exists(), reason=f"{CIFAR} is not there")
def test_real_photographs_are_read(tmp_path: Path) -> None:
    with tarfile.open(CIFAR) as archive:
        kept = []
        for member in archive:  # the first ones are enough, and reading all takes long
            kept += [member] if member.isfile() else []
            if len(kept) == 300:
                break
        archive.extractall(tmp_path, kept, filter="data")
    images = source("image_folder", root=str(tmp_path), test="train", height=32, width=32, in_memory=True)
    pixels = images.train[:][0].float() / 255
    assert images.train_size == 300
    assert 0.3 < pixels.mean() < 0.7
    assert pixels.std() > 0.15
