"""The arguments of `torchferry up --runtime torchserve`: archives, folders of them, and those refused."""

from pathlib import Path

import pytest

from tests.serving.torchserve.tiny_archive import archived
from torchferry.errors import UserError
from torchferry.serving.bundle.signature import TrustedKeys
from torchferry.serving.torchserve.up_torchserve import find_archives, main


def test_archives_come_in_the_order_given_and_those_of_a_folder_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    inside = [archived(folder, name) for name in "hgfedcba"]
    alone = archived(tmp_path, "z")
    (folder / "notes.txt").touch()
    assert find_archives([alone, folder], tmp_path / "made", None) == [alone, *inside[::-1]]
    assert not (tmp_path / "made").exists()


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.mar").write_text("no archive")
    (tmp_path / "empty").mkdir()
    for name in ("nowhere", "nowhere.mar", "empty"):
        with pytest.raises(UserError, match=rf"{name}: is neither a bundle, nor a \.mar archive, nor a folder"):
            find_archives([tmp_path / name], tmp_path / "made", None)
    with pytest.raises(UserError, match=r"text\.mar: is damaged, or not an archive"):
        find_archives([tmp_path / "text.mar"], tmp_path / "made", None)


def test_a_model_is_served_from_one_place(tmp_path: Path) -> None:
    twice = [archived(tmp_path / folder) for folder in ("first", "second")]
    with pytest.raises(UserError, match=r"^tiny-onnx-fp32: is given more than once; serve each model from one place$"):
        find_archives(twice, tmp_path / "made", None)


def test_an_unsigned_archive_is_not_taken_where_signatures_are_required(tmp_path: Path) -> None:
    path = archived(tmp_path / "store")
    for given in (path, path.parent):
        with pytest.raises(UserError, match=r"\.mar: is not signed, and has to be"):
            find_archives([given], tmp_path / "made", TrustedKeys([]))


def test_a_ready_file_that_cannot_be_one_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--ready-file: .* cannot be a file"):
        main([str(tmp_path / "nowhere"), "--gateway", "none", "--ready-file", str(tmp_path)])
