"""A key is a file's content, wherever it lies."""

from pathlib import Path

from torchferry.training.data.files.file_keys import CHUNK, ENDS, file_keys
from torchferry.training.data.files.file_list import FileList


def keys(folder: Path, *contents: bytes) -> list[int]:
    names = [b"%d" % number for number in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        (folder / name.decode()).write_bytes(content)
    found: list[int] = file_keys(folder, FileList.of(names, [0] * len(names), 0)).tolist()
    return found


def test_equal_content_has_one_key_and_other_content_another(tmp_path: Path) -> None:
    long = bytes(3 * ENDS)
    found = keys(tmp_path, b"a", b"a", b"b", b"", b"a\0", long, b"x" + long[1:], long[1:] + b"x", long + b"\0", long)
    assert found[0] == found[1]
    assert found[5] == found[9]
    assert len(set(found)) == 8


def test_a_key_is_the_same_for_ever(tmp_path: Path) -> None:
    """Or samples would change sides with a new release."""
    assert keys(tmp_path, b"a") == [2468552627407030579]


def test_many_files_are_read_in_their_order(tmp_path: Path) -> None:
    found = keys(tmp_path, *(b"%d" % (number % 300) for number in range(CHUNK + 300)))
    assert found[:CHUNK] == found[300 : 300 + CHUNK]
    assert len(set(found)) == 300


def test_a_file_that_cannot_be_read_goes_by_its_name(tmp_path: Path) -> None:
    missing = file_keys(tmp_path, FileList.of([b"a", b"b", b"a"], [0] * 3, 0))
    assert missing[0] == missing[2] != missing[1]
