"""Pictures below a folder: which, in which order, and what is said of the others."""

import os
from pathlib import Path

import pytest

from tests.serving.predict.samples import folder_of_pictures, picture
from tests.torchferry.contract.sounds import saved, tone
from torchferry.errors import UserError
from torchferry.serving.predict.sample_files import (
    Kind,
    LeftOut,
    files_of_folder,
    kind_by_head,
    kind_by_name,
    kind_of,
    samples_below,
)


def found(folder: Path, left_out: LeftOut | None = None, kind: Kind = "image") -> list[str]:
    paths = samples_below(str(folder), kind, left_out or LeftOut())
    return [str(Path(path).relative_to(folder)) for path in paths]


def test_they_are_sorted_in_each_folder_and_subfolders_come_behind(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path, "b/2.png", "b/1.png", "a/c/3.png", "a/4.png", "z.png")
    assert found(tmp_path) == ["z.png", "a/4.png", "a/c/3.png", "b/1.png", "b/2.png"]


def test_a_picture_is_known_by_its_name_or_by_its_content(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path, "no-ending", "a.dat")
    (tmp_path / "broken.jpg").write_text("broken")
    left_out = LeftOut()
    assert found(tmp_path, left_out) == ["a.dat", "broken.jpg", "no-ending"]
    assert left_out.count == 0


def test_what_is_left_out_is_counted_and_named(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path, "a.png")
    for name in ("1.txt", "2.csv", "3", "4", "5"):
        (tmp_path / name).write_text("text")
    left_out = LeftOut()
    assert found(tmp_path, left_out) == ["a.png"]
    shown = ", ".join(f"{tmp_path}/{name}" for name in ("1.txt", "2.csv", "3"))
    assert str(left_out) == f"left out 5 files that are no pictures: {shown} and 2 more"


def test_hidden_files_are_passed_over(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path, "a.png", ".hidden.png", ".cache/b.png", "__MACOSX/c.png")
    left_out = LeftOut()
    assert (found(tmp_path, left_out), left_out.count) == (["a.png"], 0)


def test_links_are_followed_once(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path / "real", "a.png")
    (tmp_path / "real" / "again").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "lost.png").symlink_to(tmp_path / "nowhere.png")
    assert found(tmp_path) == ["real/a.png", "real/lost.png"]


def test_a_pipe_is_no_picture_whatever_its_name(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path, "b.png")
    os.mkfifo(tmp_path / "a.png")
    left_out = LeftOut()
    assert (found(tmp_path, left_out), left_out.count) == (["b.png"], 1)


def test_a_folder_without_a_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"^{tmp_path}: has no picture in it; it has no files$"):
        found(tmp_path)
    (tmp_path / "a.csv").write_text("1,2")
    with pytest.raises(UserError, match=r"left out 1 file .*a\.csv; other files are given by name, such as '.*/\*'$"):
        found(tmp_path)


def test_names_and_heads() -> None:
    named: dict[str, Kind] = {"a/b.JPG": "image", "x.wav": "audio", "x.opus": "audio", "mail.txt": "text", "jpg/b": ""}
    assert {name: kind_by_name(name) for name in named} == named
    sounds = [saved(tone(0.1), format=format) for format in ("WAV", "FLAC", "OGG", "MP3")]
    assert {kind_by_head(file[:32]) for file in sounds} == {"audio"}
    assert [kind_by_head(head) for head in (picture()[:32], b"RIFF....WEBPVP8 ", b"some text")] == [
        "image",
        "image",
        "",
    ]
    assert kind_of("nowhere") == ""


def test_sounds_and_texts_below_a_folder_are_found_alike(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path, "a.png")
    (tmp_path / "said").write_bytes(saved(tone(0.1)))
    (tmp_path / "mail.txt").write_text("free")
    assert [found(tmp_path, kind=kind) for kind in ("audio", "text")] == [["said"], ["mail.txt"]]
    (tmp_path / "said").unlink()
    with pytest.raises(UserError, match="has no sound in it; left out 2 files that are no sounds: "):
        found(tmp_path, kind="audio")


def test_files_are_counted(tmp_path: Path) -> None:
    folder_of_pictures(tmp_path, "a.png", "b/c.png")
    assert files_of_folder(str(tmp_path)) == 2
    assert kind_of(str(tmp_path / "a.png")) == "image"
