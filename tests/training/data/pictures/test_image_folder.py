import functools
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
    assert grey == ImageInput(mode="L", interpolation="bicubic", mean=(0.3,), std=(0.226,), exif="apply", **SIZE)  # type: ignore[arg-type]
    assert source("image_folder", root=root, **SIZE).input.mean == (0.485, 0.456, 0.406)  # type: ignore[union-attr]
    assert source("image_folder", root=root, normalize="none", **SIZE).input.std == (1, 1, 1)  # type: ignore[union-attr]


def test_a_crop_takes_the_middle_of_each_picture(tmp_path: Path) -> None:
    image_tree(tmp_path)
    cropped = {"height": 6, "width": 6, "resize": "crop", "fraction": 0.6, "interpolation": "lanczos"}
    images = source("image_folder", root=str(tmp_path), **cropped)
    middle = noise(0).crop((2, 3, 8, 9))  # of 10 x 12 pixels, whose shorter side is 6 / 0.6
    np.testing.assert_array_equal(images.train[0][0].numpy(), np.asarray(middle).transpose(2, 0, 1))


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

    assert "none: is no folder; train/CLASS/*.jpg and test/CLASS/*.jpg are expected" in refused(root=f"{tmp_path}/none")
    (tmp_path / "train").mkdir()
    assert f"{tmp_path / 'test'}: No such file or directory; test/CLASS/*.jpg is expected in" in refused()
    (tmp_path / "test").mkdir()
    assert f"{tmp_path / 'train'}: has no folders; one folder per class is expected" in refused()
    (tmp_path / "train" / "ant").mkdir()
    (tmp_path / "test" / "ant").mkdir(parents=True)
    (tmp_path / "train" / "ant" / "notes.txt").write_text("no image")
    words = refused()
    assert f"{tmp_path / 'train'}: class ant has no picture to train on; JPEG, PNG, " in words
    assert f"{tmp_path / 'train'}: left out 1 file that is no picture: ant/notes.txt" in words
    noise(0).save(tmp_path / "train" / "ant" / "0.png")
    assert f"{tmp_path / 'test'}: has no picture to test on" in refused()
    (tmp_path / "test" / "bee").mkdir()
    assert f"{tmp_path / 'test' / 'bee'}: is no class of training" in refused()
    (tmp_path / "train" / os.fsdecode(b"caf\xe9")).mkdir()
    assert f"{tmp_path / 'train'}: the name of b'caf\\xe9' is not UTF-8; rename it" in refused()
    (tmp_path / "train" / os.fsdecode(b"caf\xe9")).rmdir()
    assert "data.source.args.limit: 0 is too small" in refused(limit=0)
    assert "data.source.args.width: 0 is too small" in refused(width=0)
    assert "data.source.args.mode: 'LAB' is not RGB or L or RGBA or LA or CMYK" in refused(mode="LAB")
    assert "data.source.args.normalize: imagenet knows RGB and L, not CMYK" in refused(mode="CMYK")
    assert "data.source.args.fraction: 2 is not from 0.1 to 1" in refused(fraction=2)


def test_a_picture_is_known_by_its_content(tmp_path: Path) -> None:
    """Twenty t0.Tif, names without an ending, and a PNG that calls itself a photograph."""
    ant = image_tree(tmp_path, ("ant",), 0) / "train" / "ant"
    for number in range(20):
        noise(number).save(ant / f"t{number:02}.Tif", "TIFF")
    noise(20).save(ant / "u.centerlight", "GIF")
    noise(21).save(ant / "v", "PPM")
    noise(22).save(ant / "w.jpg", "PNG")
    for number, name in enumerate(("a.txt", "b.pdf", "c", "d.pt")):
        (ant / name).write_bytes(b"no picture %d" % number)
    for name in ("Thumbs.db", ".DS_Store", "._t00.Tif", "desktop.ini"):
        (ant / name).write_bytes(b"hidden")
    (ant.parent / "README.txt").write_text("beside the classes")
    found = source("image_folder", root=str(tmp_path), **SIZE)
    assert found.train_size == 23
    for number in (0, 19, 21, 22):
        np.testing.assert_array_equal(found.train[number][0].numpy(), np.asarray(noise(number)).transpose(2, 0, 1))
    assert found.notes == (
        f"{tmp_path}/train: left out 5 files that are no pictures: README.txt, ant/a.txt, ant/b.pdf, ...",
    )


def test_with_suffixes_their_files_alone_are_taken(tmp_path: Path) -> None:
    ant = image_tree(tmp_path, ("ant",), 2) / "train" / "ant"
    noise(0).save(ant / "t.tif")
    noise(0).save(ant / "u", "PNG")
    former = source("image_folder", root=str(tmp_path), suffixes=["jpg", "jpeg", "png", "webp", "bmp"], **SIZE)
    assert former.train_size == 2
    assert former.notes == (f"{tmp_path}/train: left out 2 files with another ending: ant/t.tif, ant/u",)


def test_a_folder_beside_the_splits_is_said(tmp_path: Path) -> None:
    image_tree(tmp_path)
    (tmp_path / "val" / "ant").mkdir(parents=True)
    assert source("image_folder", root=str(tmp_path), **SIZE).notes == (f"{tmp_path}: left out its folders val",)


def test_a_class_without_a_test_picture_is_said(tmp_path: Path) -> None:
    image_tree(tmp_path, each=1)
    (tmp_path / "test" / "bee" / "0.png").unlink()
    (tmp_path / "test" / "cat" / "0.png").unlink()
    (tmp_path / "test" / "cat").rmdir()
    found = source("image_folder", root=str(tmp_path), **SIZE)
    assert (found.test_size, found.notes) == (1, (f"{tmp_path}/test: has no picture of bee, cat to test on",))


def classes(root: Path, each: int = 40) -> Path:
    """ROOT/CLASS of PNG files."""
    for place, label in enumerate(("ant", "bee")):
        (root / label).mkdir(parents=True)
        for index in range(each):
            noise(1000 * place + index).save(root / label / f"{index:02}.png")
    return root


def sides(root: Path, **args: object) -> tuple[set[str], set[str]]:
    """Names of the files in training and in the test set."""
    found = source("image_folder", root=str(root), test_fraction=0.25, **SIZE, **args)
    train, test = (
        {os.fsdecode(files.name(index)) for index in range(len(files))}
        for files in (found.train.files, found.test.files)  # type: ignore[attr-defined]
    )
    return train, test


def test_class_folders_are_split_by_content(tmp_path: Path) -> None:
    root = classes(tmp_path)
    train, test = sides(root)
    assert len(train) + len(test) == 80
    assert not train & test
    for label in ("ant", "bee"):
        assert 4 <= sum(name.startswith(label) for name in test) <= 18
    assert sides(root, split_seed=1) != (train, test)
    noise(77).save(root / "ant" / "new.png")
    (root / "bee" / "00.png").rename(root / "bee" / "renamed.png")
    (root / "bee" / "01.png").unlink()
    for name in (held := sorted(test)[0], kept := sorted(train)[0]):
        (root / f"{name}.copy.png").write_bytes((root / name).read_bytes())
    grown, held_grown = sides(root)
    assert {name for name in held_grown if name in train | test} == test - {"bee/00.png", "bee/01.png"}
    assert f"{held}.copy.png" in held_grown
    assert f"{kept}.copy.png" in grown


def test_each_class_keeps_a_picture_to_train_on(tmp_path: Path) -> None:
    root = classes(tmp_path, 1)
    words = refusal(lambda: source("image_folder", root=str(root), test_fraction=0.999999, **SIZE))
    assert words.startswith(f"{root}: all 1 of class ant fall into the test set; give another data.source.args.split_")
    words = refusal(lambda: source("image_folder", root=str(root), test_fraction=0.000001, **SIZE))
    assert words.startswith(f"{root}: has no picture to test on")
    for fraction in (-0.1, 1.0, float("nan")):
        args = {"root": str(root), "test_fraction": fraction, **SIZE}
        words = refusal(functools.partial(source, "image_folder", **args))
        assert f"data.source.args.test_fraction: {fraction} is not 0 or more and below 1" in words


def test_a_fraction_of_0_tests_on_what_is_trained_on(tmp_path: Path) -> None:
    found = source("image_folder", root=str(classes(tmp_path, 2)), test_fraction=0, **SIZE)
    assert found.train_size == found.test_size > 0
    assert found.listings["train"] == found.listings["test"]


def test_listings_know_names_sizes_and_order(tmp_path: Path) -> None:
    def listings() -> tuple:
        found = source("image_folder", root=str(tmp_path), **SIZE).listings
        return found["train"], found["test"]

    image_tree(tmp_path)
    train, test = listings()
    assert (train.samples, test.samples, len(train.sha256)) == (12, 3, 64)
    assert listings() == (train, test)
    (tmp_path / "train" / "ant" / "0.png").rename(tmp_path / "train" / "ant" / "zero.png")
    renamed, same = listings()
    assert renamed.samples == 12
    assert renamed.sha256 != train.sha256
    assert same == test
    with (tmp_path / "test" / "ant" / "0.png").open("ab") as file:
        file.write(b"longer")
    assert listings()[1].sha256 != test.sha256


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
