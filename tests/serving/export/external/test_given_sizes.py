"""Sizes of --input: fixed ones, and bounds of axes that vary."""

import re

import pytest

from torchferry.serving.export.external.given_sizes import Bounds, at_most, elements, read_sizes


@pytest.mark.parametrize(
    ("text", "shape", "bounds"),
    [
        ("3x16", (3, 16), ()),
        ("[1..512]", (-1,), (Bounds(1, None, 1, 512),)),
        ("[tokens=2..9]x3", (-1, 3), (Bounds(1, "tokens", 2, 9),)),
        ("3x[h=32..64/32]x[w=32..96/32]", (3, -1, -1), (Bounds(2, "h", 32, 64, 32), Bounds(3, "w", 32, 96, 32))),
    ],
)
def test_a_shape_has_minus_one_where_it_varies(text: str, shape: tuple[int, ...], bounds: tuple[Bounds, ...]) -> None:
    assert read_sizes(text) == (shape, bounds)


def test_the_largest_sample_is_known() -> None:
    shape, bounds = read_sizes("3x[h=32..64/32]")
    assert (at_most(shape, bounds), elements(shape, bounds)) == ((3, 64), 192)


def test_an_axis_without_a_name_is_called_by_its_tensor_and_place() -> None:
    ((axis,), (named,)) = ([each.axis("batch.x") for each in read_sizes(text)[1]] for text in ("[1..9]", "[n=1..9]"))
    assert (axis.name, named.name) == ("batch_x_1", "n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[8]", "[8] is no axis; [1..512], [tokens=1..512]"),
        ("[1..]", "[1..] is no axis"),
        ("[..9]", "[..9] is no axis"),
        ("[a b=1..9]", "has 'a b'"),
        ("[batch=1..9]", "and not batch"),
        ("[0..9]", "a size is 1 or more"),
        ("[1..9/0]", "a size is 1 or more"),
        ("[9..1]", "there is no size between its bounds"),
        ("[33..63/32]", "there is no size between its bounds"),
    ],
)
def test_what_is_no_axis_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        read_sizes(text)
