"""Files of a kind are found by ending or content, sorted; links are followed once, hidden files left out."""

import os
from pathlib import Path

from tests.training.data.sources import noise, refusal
from torchferry.training.data.files.files_below import files_below, holds, is_hidden, left_out_line, shows
from torchferry.training.data.pictures.picture_kind import PICTURES


def test_names_and_sizes_are_in_order_and_links_are_followed_once(tmp_path: Path) -> None:
    (tmp_path / "a" / "deep").mkdir(parents=True)
    noise(0).save(tmp_path / "a" / "z.png")
    noise(1).save(tmp_path / "a" / "deep" / "b.png")
    (tmp_path / "a" / "deep" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "linked.png").symlink_to(tmp_path / "a" / "z.png")
    (tmp_path / "a" / "lost.png").symlink_to(tmp_path / "nowhere")
    found = files_below(tmp_path, "a", PICTURES).found
    assert [name for name, _ in found] == [b"a/deep/b.png", b"a/linked.png", b"a/lost.png", b"a/z.png"]
    size = (tmp_path / "a" / "z.png").stat().st_size
    assert [number for _, number in found][1:] == [size, 0, size]


def test_what_is_no_file_is_left_out_and_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "pipe.png")
    os.mkfifo(tmp_path / "a" / "pipe")
    assert files_below(tmp_path, "a", PICTURES).left_out == [b"a/pipe", b"a/pipe.png"]


def test_the_ending_is_believed_and_where_there_is_none_the_content(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "cut.JPG").write_text("no picture, which is told when it is wanted")
    noise(0).save(folder / "photo", "BMP")
    (folder / "text").write_text("P6 is nothing")
    found = files_below(tmp_path, "a", PICTURES)
    assert ([name for name, _ in found.found], found.left_out) == ([b"a/cut.JPG", b"a/photo"], [b"a/text"])
    assert holds(os.fsencode(folder / "photo"), PICTURES)
    assert not holds(os.fsencode(folder / "none"), PICTURES)
    assert [name for name, _ in files_below(tmp_path, "a", PICTURES, [".JPG"]).found] == [b"a/cut.JPG"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert (
        refusal(lambda: files_below(tmp_path, "a", PICTURES))
        == f"{tmp_path}/a: cannot be read: No such file or directory"
    )


def test_a_folder_shows_pictures_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "text").write_text("no picture")
    noise(0).save(tmp_path / "a" / "b", "PNG")
    assert [shows(folder, PICTURES) for folder in (tmp_path, tmp_path / "a", tmp_path / "none")] == [False, True, False]


def test_hidden_files_and_those_left_out() -> None:
    assert [is_hidden(name) for name in (b".a", b"Thumbs.db", b"__MACOSX", b"a")] == [True, True, True, False]
    assert left_out_line([], Path("x"), PICTURES) == ()
    assert left_out_line([b"a"], Path("x"), PICTURES) == ("x: left out 1 file that is no picture: a",)
    many = [b"%d" % number for number in range(2000)]
    assert left_out_line(many, Path("x"), PICTURES) == ("x: left out 2,000 files that are no pictures: 0, 1, 2, ...",)
