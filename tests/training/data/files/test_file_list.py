"""Names, sizes and classes of files, packed into arrays."""

import os
from pathlib import Path

import numpy as np
import pytest

from torchferry.training.data.files.file_list import FileList, sorted_names
from torchferry.training.errors import CorruptSample

NAMES = [b"a", b"long/er", b"", os.fsencode("\u00fc")]


def files(names: list[bytes], classes: list[int]) -> FileList:
    return FileList.of(names, range(len(names)), classes)


def names(found: FileList) -> list[bytes]:
    return [found.name(index) for index in range(len(found))]


def test_every_name_comes_back() -> None:
    found = files(NAMES, [0, 1, 1, 2])
    assert (names(found), found.sizes.tolist(), found.classes.tolist()) == (NAMES, [0, 1, 2, 3], [0, 1, 1, 2])
    taken = found.taken(np.array([3, 1]))
    assert (names(taken), taken.sizes.tolist(), taken.classes.tolist()) == ([NAMES[3], NAMES[1]], [3, 1], [2, 1])
    joined = FileList.joined([found, files([], []), taken])
    assert names(joined) == [*NAMES, NAMES[3], NAMES[1]]
    assert joined.classes.tolist() == [0, 1, 1, 2, 2, 1]


@pytest.mark.parametrize(("limit", "kept"), [(1, "a"), (3, "abc"), (4, "aAbc"), (6, "aAbBcC"), (99, "aAbBBBcC")])
def test_a_limit_takes_evenly(limit: int, kept: str) -> None:
    found = files([letter.encode() for letter in "aAbBBBcC"], [0, 0, 1, 1, 1, 1, 2, 2])
    assert b"".join(names(found.limited(limit))).decode() == kept


def test_a_listing_differs_by_name_size_class_and_order() -> None:
    same = FileList.of([b"a", b"b"], [1, 2], [0, 1]).listing()
    assert same == FileList.of([b"a", b"b"], [1, 2], [0, 1]).listing()
    others = [([b"b", b"a"], [1, 2], [0, 1]), ([b"a", b"b"], [1, 3], [0, 1]), ([b"a", b"b"], [1, 2], [1, 1])]
    others += [([b"ab", b""], [1, 2], [0, 1]), ([b"a"], [1], [0])]
    assert len({same.sha256, *(FileList.of(*other).listing().sha256 for other in others)}) == 1 + len(others)
    assert same.samples == 2


def test_names_have_the_order_of_their_text() -> None:
    """As they had before names were bytes, which runs go on with."""
    words = ["\uffee", "z", "\U0001f600", os.fsdecode(b"\xe9")]
    found = sorted_names((os.fsencode(word), 0) for word in words)
    assert [name for name, _ in found] == [os.fsencode(word) for word in sorted(words)]


def test_a_file_is_read_with_its_path_and_one_that_is_gone_is_a_corrupt_sample(tmp_path: Path) -> None:
    listed = FileList.of([b"a.png", b"gone.png"], [3, 3], 0)
    (tmp_path / "a.png").write_bytes(b"abc")
    assert listed.read(tmp_path, 0) == (str(tmp_path / "a.png"), b"abc")
    with pytest.raises(CorruptSample, match=r"gone\.png: cannot be read: No such file"):
        listed.read(tmp_path, 1)
