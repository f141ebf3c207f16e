"""Names of files are their inputs', in the same subfolders, and no two are the same."""

import pytest

from torchferry.serving.predict.file_names import FileNames
from torchferry.serving.predict.sample import Sample


def named(names: FileNames, *sources: str, row: int | None = None) -> list[str]:
    return [str(names.of(Sample(source, row, "file"))) for source in sources]


@pytest.mark.parametrize("folder", ["shots", "shots/", "/home/shots", "../shots"])
def test_what_lies_below_a_folder_keeps_its_place(folder: str) -> None:
    base = folder.rstrip("/")
    asked = (f"{base}/a.jpg", f"{base}/b/c.tar.jpeg", f"{base}/without")
    assert named(FileNames([folder], "png"), *asked) == ["a.png", "b/c.tar.png", "without.png"]


def test_of_other_files_the_name_counts_alone() -> None:
    assert named(FileNames(["shots"], "png"), "a/b.jpg", "/c/d.jpg", "shotsmore/e.jpg") == ["b.png", "d.png", "e.png"]


def test_the_innermost_of_several_folders_counts() -> None:
    assert named(FileNames(["a", "a/b"], "png"), "a/b/c/d.jpg", "a/x.jpg") == ["c/d.png", "x.png"]


def test_none_is_given_twice() -> None:
    sources = ("a/1.png", "a/1.jpg", "b/1.png", "a/1_2.png", "a/1.webp", "A/1.PNG")
    names = named(FileNames([], "png"), *sources)
    assert names == ["1.png", "1_2.png", "1_3.png", "1_2_2.png", "1_4.png", "1_5.png"]
    upper = named(FileNames([], "png"), "a.jpg", "A.jpg")  # one name where capitals do not count
    assert upper == ["a.png", "A_2.png"]


def test_rows_and_streams_have_names() -> None:
    names = FileNames([], "png")
    assert named(names, "shots.npy", row=7) == ["shots-7.png"]
    assert named(names, "-", row=1) == ["input-1.png"]
    assert named(names, "-") == ["input.png"]


def test_a_name_need_not_be_utf_8() -> None:
    assert named(FileNames(["a"], "png"), "a/\udcff.jpg") == ["\udcff.png"]
