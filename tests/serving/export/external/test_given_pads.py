"""--pad: a value that its input can have, of an input whose size varies."""

import re
from dataclasses import replace

import pytest

from torchferry.errors import UserError
from torchferry.serving.export.external.given_pads import check_axes_agree, read_pads, said_of_pads
from torchferry.serving.export.external.input_spec import GivenInput, read_input


def read(*texts: str) -> list[GivenInput]:
    return [read_input(text, number, {}) for number, text in enumerate(texts)]


INPUTS = read(
    "ids:INT8:[1..9]", "x:FP32:[1..9]x2", "keep:BOOL:[1..9]", "words:BYTES:[1..9]", "row:FP32:3", "h:FP16:[1..9]"
)


def test_pads_are_values_of_their_inputs() -> None:
    pads = read_pads(["ids=-1", "x=NaN", "keep=false", "h=0.5"], INPUTS)
    assert pads == {"ids": -1, "x": "NaN", "keep": 0, "h": 0.5}
    assert type(pads["ids"]) is int


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ids", "'ids' is not understood; NAME=VALUE is expected, such as ids=0"),
        ("idz=0", "the model has no input 'idz'; did you mean ids?"),
        ("row=0", "'row' has no axis that varies"),
        ("ids=0.5", "'0.5' is no whole number that 'ids' can have"),
        ("ids=128", "128 is no whole number that INT8 of 'ids' can have"),
        ("ids=NaN", "'NaN' is no whole number"),
        ("keep=2", "2 is no truth value, 0 or 1, that BOOL of 'keep' can have"),
        ("x=inf", "inf is no number or NaN that FP32 of 'x' can have"),
        ("h=1e6", "1e6 is no number or NaN that FP16"),
        ("words=a", "'words' takes strings, behind which nothing can stand"),
    ],
)
def test_others_are_refused(text: str, words: str) -> None:
    with pytest.raises(UserError, match=f"^--pad: .*{re.escape(words)}"):
        read_pads([text], INPUTS)
    with pytest.raises(UserError, match="--pad: 'ids' is given twice"):
        read_pads(["ids=0", "ids=1"], INPUTS)


def test_what_is_computed_together_is_said() -> None:
    ids, x = INPUTS[:2]
    assert said_of_pads([ids, x]) == "no --pad: only samples of equal sizes are computed together"
    assert said_of_pads([replace(ids, pad=0), x]) == (
        "--pad: says nothing of x, so only samples of equal sizes are computed together"
    )
    assert said_of_pads([replace(ids, pad=0), *read("table:3")]) is None


def test_axes_of_one_name_have_the_same_bounds() -> None:
    check_axes_agree(read("a:INT64:[t=1..9]", "b:INT64:[t=1..9]", "c:INT64:[1..8]"))
    with pytest.raises(UserError, match=r"'b:INT64:.t=1..8.' and 'a:INT64:.t=1..9.' have an axis 't' of other bounds"):
        check_axes_agree(read("a:INT64:[t=1..9]", "b:INT64:[t=1..8]"))
