"""Texts of class folders, and what else is in them."""

from pathlib import Path

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.texts.text_folder import rows_of_folder
from torchferry.training.data.texts.text_rows import TextRows


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        (path := root / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def read(root: Path, labels: list[str] | None = None, *, divided: bool = True) -> TextRows:
    return rows_of_folder(root, "train", "test", labels, ["txt"], divided=divided)


def test_folders_of_both_splits(tmp_path: Path) -> None:
    files = {"train/pos/1.txt": "good", "train/neg/b/2.txt": "bad", "test/neg/3.TXT": "\ufeffworse"}
    rows = read(write(tmp_path, {**files, "train/neg/notes.md": "", "train/unsup/4.txt": "?"}), ["neg", "pos"])
    assert list(zip(rows.texts, rows.said, rows.tested or (), strict=True)) == [
        *(("bad", "neg", False), ("good", "pos", False), ("worse", "neg", True)),
    ]
    assert rows.where(0) == str(tmp_path / "train/neg/b/2.txt")
    assert rows.notes == (
        f"{tmp_path}/train: left out its folders unsup",
        f"{tmp_path}/train: left out 1 files that do not end in txt",
    )


def test_class_folders_alone(tmp_path: Path) -> None:
    rows = read(write(tmp_path, {"a/1.txt": "x", "b/2.txt": b"na\xefve", "a/3.txt": ""}), divided=False)
    assert (list(rows.texts), list(rows.said), rows.tested) == (["x", "", None], ["a", "a", "b"], None)
    assert rows.unread == {2: "is not UTF-8: byte 0xef at 2, in line 1"}


@pytest.mark.parametrize(
    ("files", "divided", "words"),
    [
        ({"train/a/1.txt": "x", "tests/a/1.txt": "x"}, True, "has no folder test; it has tests, train; data.source."),
        (
            {"a/1.txt": "x"},
            True,
            "has no folder train; it has a; data.source.args.train names another, and data.source",
        ),
        ({"train/a/1.txt": "", "test/a/1.txt": ""}, False, "has train and test, which are no classes; leave data."),
        ({"1.txt": "x"}, False, "has no folder of a class, CLASS/*.txt; it has none"),
    ],
)
def test_another_layout_is_refused(tmp_path: Path, files: dict[str, str | bytes], divided: bool, words: str) -> None:
    assert words in refusal(lambda: read(write(tmp_path, files), divided=divided))
