"""Files .ts as the archives have them."""

from pathlib import Path

import pytest

from tests.training.data.sources import refusal
from torchferry.training.data.series.ts_file import read_ts

PATH = Path("x.ts")
HEAD = "#of hands\n@problemName x\n@timeStamps false\n@univariate {flat}\n@classLabel true up down\n\n@data\n"


def test_lines_are_series_of_their_own_length() -> None:
    found = read_ts(PATH, HEAD.format(flat="true") + "1,2,3:up\n%of feet\n4,5e-1:down\n")
    assert [each.values[:, 0].tolist() for each in found.series] == [[1, 2, 3], [4, 0.5]]
    assert [(each.target, each.where) for each in found.series] == [("up", "line 8"), ("down", "line 10")]
    assert found.flat


def test_dimensions_are_channels() -> None:
    found = read_ts(PATH, HEAD.format(flat="false") + "1,2:3,4:5,6:up\n")
    assert found.series[0].values.tolist() == [[1, 3, 5], [2, 4, 6]]
    assert not found.flat


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEAD.replace("Stamps false", "Stamps true") + "1:up", "has time stamps, which are not read"),
        (HEAD.replace("Label true", "Label false") + "1:up", "says neither @classLabel true nor @targetlabel true"),
        (HEAD, "has no series behind @data"),
        ("1,2:up\n", "line 1 stands before @data and is no @word"),
        (HEAD + "1,2,up", "line 8 has no colon, behind which its class or target stands"),
        (HEAD + "1,two:up", "line 8: could not convert string to float: 'two'"),
        (HEAD + "1,2:3:up", "line 8 has dimensions of unequal length: 2, 1"),
        (HEAD + "1,?:up", "line 8 has a value at step 1 that is missing or not finite"),
    ],
)
def test_what_is_no_such_file_is_named(text: str, words: str) -> None:
    assert refusal(lambda: read_ts(PATH, text)).startswith(f"x.ts: {words}")
