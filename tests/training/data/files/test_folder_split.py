"""Class folders become both sides; groups stay together."""

import re
from pathlib import Path

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.files.file_groups import Groups
from torchferry.training.data.files.file_list import FileList
from torchferry.training.data.files.folder_split import class_files, split_by_folders, split_of_classes
from torchferry.training.data.pictures.picture_kind import PICTURES

PEOPLE = "abcdefghijkl"
BY_PERSON = Groups(re.compile(r"([^/_]+)_[^/]*$"))


def tree(folder: Path, people: str = PEOPLE) -> Path:
    """Of each of two classes three files of each person."""
    for label in ("no", "yes"):
        (folder / label).mkdir(parents=True)
        for person in people:
            for take in range(3):
                (folder / label / f"{person}_{take}.jpg").write_text(f"{label} {person} {take}")
    return folder


def people(files: FileList) -> set[str]:
    return {files.name(index).decode().rpartition("/")[2][0] for index in range(len(files))}


def test_a_fraction_of_the_groups_is_held_out(tmp_path: Path) -> None:
    train, test = split_of_classes(tree(tmp_path), PICTURES, 0.3, 0, groups=BY_PERSON).files
    assert people(train) | people(test) == set(PEOPLE)
    assert not people(train) & people(test)
    assert 1 <= len(people(test)) <= 8
    assert len(test) == 6 * len(people(test))


def test_without_groups_a_person_is_on_both_sides(tmp_path: Path) -> None:
    train, test = split_of_classes(tree(tmp_path), PICTURES, 0.3, 0).files
    assert people(train) & people(test)


def test_folders_of_both_sides_share_no_group(tmp_path: Path) -> None:
    tree(tmp_path / "train", "abc")
    tree(tmp_path / "test", "de")
    found = split_by_folders(tmp_path, PICTURES, "train", "test", groups=BY_PERSON)
    assert [len(files) for files in found.files] == [18, 12]
    (tmp_path / "test" / "no" / "a_9.jpg").write_text("9")
    assert len(split_by_folders(tmp_path, PICTURES, "train", "test").files[1]) == 13
    words = refusal(lambda: split_by_folders(tmp_path, PICTURES, "train", "test", groups=BY_PERSON))
    assert words == f"{tmp_path}/train and {tmp_path}/test: both have files of group a"


def test_classes_are_numbered_and_others_said(tmp_path: Path) -> None:
    tree(tmp_path, "a")
    (tmp_path / "notes.txt").write_text("")
    files, notes = class_files(tmp_path, PICTURES, ("yes",), ("no", "yes"))
    assert files.classes.tolist() == [1, 1, 1]
    assert notes == (f"{tmp_path}: left out 1 file that is no picture: notes.txt",)


@pytest.mark.parametrize("fraction", [-0.1, 1.0])
def test_the_fraction_is_one(fraction: float, tmp_path: Path) -> None:
    words = refusal(lambda: split_of_classes(tree(tmp_path), PICTURES, fraction, 0))
    assert words == f"data.source.args.test_fraction: {fraction} is not 0 or more and below 1"
