"""Files of one group, such as a speaker's, are on one side of every split."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.files.file_groups import Groups, check_apart, grouped
from torchferry.training.data.files.file_list import FileList

WHERE = Path("there")


def files(*names: str) -> FileList:
    return FileList.of([name.encode() for name in names], [1] * len(names), 0)


def groups(pattern: str) -> Groups:
    found = Groups.by(pattern)
    assert found is not None
    return found


def test_a_part_of_the_path_says_the_group() -> None:
    listed = files("one/anna_0.wav", "two/ben_0.wav", "two/anna_1.wav")
    found = groups(r"([^/_]+)_[^/]*$").of(WHERE, listed)
    assert found.groups is not None
    assert found.groups[0] == found.groups[2] != found.groups[1]
    assert list(found.groups) == list(grouped(listed, ["anna", "ben", "anna"]).groups)  # type: ignore[arg-type]
    taken = found.taken(np.array([2, 1])).groups
    assert taken is not None
    assert taken.tolist() == found.groups[[2, 1]].tolist()
    assert Groups.by(None) is None


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(", "'(' is no regular expression: missing ), unterminated subpattern"),
        ("anna", "'anna' has 0 parts in parentheses; one part in parentheses is expected"),
        ("(a)(b)", "'(a)(b)' has 2 parts"),
    ],
)
def test_an_expression_that_says_no_group_is_refused(pattern: str, words: str) -> None:
    assert refusal(lambda: Groups.by(pattern)).startswith(f"data.source.args.group: {words}")


def test_a_file_without_a_group_is_named() -> None:
    words = refusal(lambda: groups("(a+)_").of(WHERE, files("one/a_0.wav", "one/0.wav")))
    assert words == "data.source.args.group: '(a+)_' finds no group in one/0.wav, a file in there"


def test_a_group_on_both_sides_is_named() -> None:
    by = groups("([^/]+)_")
    one, other = by.of_both(WHERE, files("one/a_0.wav"), WHERE, files("one/b_0.wav"))
    assert one.groups is not None
    assert other.groups is not None
    assert one.groups[0] != other.groups[0]
    words = refusal(lambda: by.of_both(WHERE, files("one/a_0.wav"), Path("other"), files("two/a_1.wav")))
    assert words == "there and other: both have files of group a"
    assert refusal(lambda: check_apart("abc", "cab", "x")) == "x: both have files of groups a, b, c"
