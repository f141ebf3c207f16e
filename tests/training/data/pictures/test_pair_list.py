"""A list of pairs is read by its columns, or refused with its line."""

import re
from pathlib import Path

import pytest

from torchferry.errors import UserError
from torchferry.training.data.pictures.pair_list import Pair, PairColumns, read_pairs


def read(folder: Path, text: str, **columns: str) -> list[Pair]:
    (folder / "pairs.csv").write_text(text)
    return read_pairs(folder / "pairs.csv", PairColumns(**columns), None)


def test_columns_are_found_or_named(tmp_path: Path) -> None:
    assert read(tmp_path, "anchor,positive\na,b\n") == [Pair(2, "a", "b", same=True)]
    said = read(tmp_path, "file1;file2;same\na;b;0\n\nc;d;True\ne;f;different\n")
    assert [(pair.first, pair.same) for pair in said] == [("a", False), ("c", True), ("e", False)]
    named = read(tmp_path, "x,y,z\na,b,no\n", first="y", second="x", same="z")
    assert named == [Pair(2, "b", "a", same=False)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "none of its columns a, b is named anchor, first"),
        ("anchor,b\n1,2\n", "image2, image_2; give data.source.args.second_column"),
        ("anchor,positive\n", "lists no pairs"),
        ("anchor,positive\n1\n", "line 2 has 1 cells; its first line has 2"),
        ("anchor,positive\n1,\n", "line 2 has no positive"),
        ("anchor,positive\n1,1\n", "line 2 names 1 twice; a pair is of two files"),
        ("anchor,positive,same\n1,2,maybe\n", "line 2: 'maybe' is neither same (1, same, true, yes) nor different"),
    ],
)
def test_what_is_no_list_of_pairs_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        read(tmp_path, text)
