"""Two lists of files become a source, and what lies on one side alone is refused or said."""

from functools import partial
from pathlib import Path

import pytest

from tests.training.data.sources import noise, refusal
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.files.file_split import FileSplit, split_by_content
from torchferry.training.data.pictures.image_files import ImageFiles
from torchferry.training.data.pictures.image_input import image_input
from torchferry.training.data.pictures.picture_kind import PICTURES

IMAGE = image_input(12, 10)
LABELS = ("ant", "bee")
SAMPLES = partial(ImageFiles, image=IMAGE)


def files(folder: Path, *classes: int, start: int = 0) -> FileList:
    """File i is noise(i)."""
    names = [f"{start + number}.png" for number in range(len(classes))]
    for number, name in enumerate(names, start):
        noise(number).save(folder / name)
    return FileList.of([name.encode() for name in names], [1] * len(names), classes)


def test_both_sides_are_samples_with_what_is_to_be_said(tmp_path: Path) -> None:
    sides = (files(tmp_path, 0, 1), files(tmp_path, 1, start=2))
    split = FileSplit(PICTURES, LABELS, (tmp_path, tmp_path), sides, ("left out",), ("lost",))
    found = split.source(SAMPLES, IMAGE, in_memory=True)
    assert (found.train_size, found.test_size, found.labels) == (2, 1, LABELS)
    assert found.notes == ("left out", f"{tmp_path}: has no picture of ant to test on")
    assert found.damaged == ("lost",)
    assert found.listings["train"] == sides[0].listing()


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        ((0,), (0,), "class bee has no picture to train on; JPEG, "),
        ((), (), "class ant has no picture to train on; JPEG, "),
        ((0, 1), (), "has no picture to test on; JPEG, "),
    ],
)
def test_an_empty_side_is_refused(train: tuple[int, ...], test: tuple[int, ...], words: str, tmp_path: Path) -> None:
    sides = (files(tmp_path, *train), files(tmp_path, *test))
    split = FileSplit(PICTURES, LABELS, (tmp_path, tmp_path), sides, ("left out",))
    found = refusal(lambda: split.source(SAMPLES, IMAGE))
    assert found.startswith(f"{tmp_path}: {words}")
    assert found.endswith("; left out")


def test_a_split_by_content_is_one_of_the_files(tmp_path: Path) -> None:
    listed = files(tmp_path, *[0, 1] * 20)
    train, test = split_by_content(PICTURES, tmp_path, listed, LABELS, 0.25, 0).files
    names = [side.name(index) for side in (train, test) for index in range(len(side))]
    assert sorted(names) == sorted(listed.name(index) for index in range(40))
    assert 3 <= len(test) <= 18
    words = refusal(lambda: split_by_content(PICTURES, tmp_path, listed, LABELS, 0.25, -1))
    assert words == "data.source.args.split_seed: -1 is too small; give 0 or more"
