"""Two ways to lay out a folder at once are refused, and the nearest right word is said."""

from pathlib import Path

import pytest

from tests.training.data.sources import image_tree, noise, refusal
from torchferry.training.data.files.folder_layout import check_classes, check_splits, class_folders, folders
from torchferry.training.data.pictures.picture_kind import PICTURES


def pictures(*places: Path) -> None:
    for place in places:
        place.mkdir(parents=True)
        noise(0).save(place / "0.png")


def test_folders_are_sorted_and_not_hidden(tmp_path: Path) -> None:
    for name in ("b", "a", ".git", "__MACOSX"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("")
    assert folders(tmp_path) == class_folders(tmp_path, PICTURES) == ("a", "b")


@pytest.mark.parametrize("beside", ["val", "notes"])
def test_what_is_no_class_may_stand_beside_the_splits(beside: str, tmp_path: Path) -> None:
    image_tree(tmp_path, each=1)
    (tmp_path / beside).mkdir()
    (tmp_path / beside / "notes.txt").write_text("no picture")
    check_splits(tmp_path, PICTURES, "train", "test")


def test_classes_beside_the_splits_are_refused_by_name(tmp_path: Path) -> None:
    image_tree(tmp_path, each=1)
    pictures(tmp_path / "dog", tmp_path / "cat")
    assert refusal(lambda: check_splits(tmp_path, PICTURES, "train", "test")) == (
        f"{tmp_path}: has train and test, and pictures beside them in cat, dog; "
        "move it elsewhere, or give data.source.args.test_fraction if all of these are classes"
    )


@pytest.mark.parametrize("there", ["val", "valid", "validation", "tests"])
def test_the_nearest_folder_is_said(there: str, tmp_path: Path) -> None:
    image_tree(tmp_path, each=1)
    (tmp_path / "test").rename(tmp_path / there)
    words = refusal(lambda: check_splits(tmp_path, PICTURES, "train", "test"))
    assert words.startswith(f"{tmp_path}/test: No such file or directory; test/CLASS/*.jpg is expected in {tmp_path}, ")
    assert words.endswith(f"; data.source.args.test {there} would take the one that is there")
    check_splits(tmp_path, PICTURES, "train", there)


def test_class_folders_in_the_root_are_said(tmp_path: Path) -> None:
    pictures(tmp_path / "ant", tmp_path / "bee")
    assert refusal(lambda: check_splits(tmp_path, PICTURES, "train", "test")).endswith(
        "; data.source.args.test_fraction 0.2 would take ant, bee as classes and hold a fifth out"
    )
    check_classes(tmp_path, PICTURES)


def test_a_fraction_of_a_folder_that_is_split_already_is_refused(tmp_path: Path) -> None:
    image_tree(tmp_path, each=1)
    assert refusal(lambda: check_classes(tmp_path, PICTURES)) == (
        f"{tmp_path}: data.source.args.test_fraction takes its folders for classes, but test has folders; "
        f"give root {tmp_path}/test, or leave test_fraction out"
    )


def test_vehicles_may_be_trains(tmp_path: Path) -> None:
    pictures(tmp_path / "car", tmp_path / "train")
    check_classes(tmp_path, PICTURES)


def test_one_flat_folder_needs_a_list(tmp_path: Path) -> None:
    noise(0).save(tmp_path / "0.png")
    assert refusal(lambda: check_classes(tmp_path, PICTURES)).endswith(
        "; a source image_list reads their labels from a CSV"
    )
