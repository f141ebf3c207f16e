"""A list of files becomes both sides; groups stay together. What image_list refuses is in its own tests."""

from pathlib import Path

from tests.training.data.sources import refusal
from torchferry.training.data.files.label_list import Columns
from torchferry.training.data.files.list_split import FilesOfList
from torchferry.training.data.pictures.picture_kind import PICTURES


def listed(folder: Path, header: str, *rows: str, name: str = "list.csv") -> FilesOfList:
    (folder / name).write_text("\n".join((header, *rows)))
    for row in rows:
        (folder / row.partition(",")[0]).write_text(row)
    return FilesOfList(PICTURES, folder / name, None, Columns(group="who"), None, "", None)


def test_groups_of_a_column_are_held_out_together(tmp_path: Path) -> None:
    rows = [f"{who}{take}{label},{label},{who}" for who in "abcdefgh" for take in range(2) for label in ("no", "yes")]
    found = listed(tmp_path, "path,label,who", *rows).split(None, "train", "test", 0.4, 0)
    sides = [{files.name(index)[:1] for index in range(len(files))} for files in found.files]
    assert not sides[0] & sides[1]
    assert len(sides[0]) + len(sides[1]) == 8
    assert found.files[0].groups is not None


def test_a_group_on_both_sides_is_refused(tmp_path: Path) -> None:
    rows = ["a,no,anna,train", "b,yes,ben,train", "c,no,anna,test"]
    words = refusal(lambda: listed(tmp_path, "path,label,who,split", *rows).split(None, "train", "test", None, 0))
    place = tmp_path / "list.csv"
    assert words == f"{place} to train on and {place} to test on: both have files of group anna"


def test_a_row_without_its_group_is_named(tmp_path: Path) -> None:
    words = refusal(lambda: listed(tmp_path, "path,label,who", "a,no,").split(None, "train", "test", 0.5, 0))
    assert words == f"{tmp_path / 'list.csv'}: line 2 has no who"
