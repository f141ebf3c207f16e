"""A file is whole or absent, whenever the process is killed."""

import os
from pathlib import Path

import pytest

from torchferry.files import flush, sha256, write_whole


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_a_new_file_takes_the_place_of_the_old_one_and_leaves_no_other(tmp_path: Path) -> None:
    for text in ("first, and longer\n", "second\n"):
        write_whole(tmp_path / "latest", text)
        assert (tmp_path / "latest").read_text() == text
    assert names(tmp_path) == ["latest"]


def test_it_has_its_name_only_when_it_is_on_the_disk_and_then_so_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[tuple[bool, list[str]]] = []

    def fsync(descriptor: int) -> None:
        file = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        flushed.append((file.is_dir(), names(tmp_path) if file.is_dir() else [file.read_text()]))
        assert (tmp_path / "latest").exists() == file.is_dir()

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole(tmp_path / "latest", "step-00000003\n")
    assert flushed == [(False, ["step-00000003\n"]), (True, ["latest"])]


def test_what_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    write_whole(tmp_path / "latest", "first\n")
    with pytest.raises(UnicodeEncodeError):
        write_whole(tmp_path / "latest", "second \udc80\n")
    assert (tmp_path / "latest").read_text() == "first\n"


def test_nothing_stays_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[int] = []

    def fsync(descriptor: int) -> None:
        flushed.append(descriptor)
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="the disk is full"):
        flush(tmp_path)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(flushed[0])


def test_a_checksum_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
