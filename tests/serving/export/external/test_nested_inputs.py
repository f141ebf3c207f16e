"""Names with dots become dicts and lists, and those that contradict each other are refused."""

import re

import pytest

from torchferry.errors import UserError
from torchferry.serving.export.external.nested_inputs import Place, filled, nested


def test_words_are_keys_and_numbers_are_places() -> None:
    names = ["x", "batch.ids", "batch.deep.mask", "maps.1", "maps.0"]
    assert filled(nested(names), ["X", "I", "M", "1", "0"]) == {
        "x": "X",
        "batch": {"ids": "I", "deep": {"mask": "M"}},
        "maps": ["0", "1"],
    }


def test_ten_places_are_in_the_order_of_their_numbers() -> None:
    names = [f"maps.{number}" for number in range(11)]
    assert nested(names) == {"maps": [Place(number) for number in range(11)]}


def test_what_is_no_place_stays() -> None:
    assert filled({"x": [Place(0), 7]}, ["X"]) == {"x": ["X", 7]}


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["x", "x.a"], "'x' is given as a tensor, and 'x.a' as a part of it; give one or the other"),
        (["x.a", "x"], "'x' is given as a tensor, and 'x.a' as a part of it"),
        (["x.a", "x.a.b"], "'x.a' is given as a tensor, and 'x.a.b' as a part of it"),
        (["x.0", "x.2"], "x has the places 0, 2; a list's are 0, 1 and so on"),
        (["x.y.1"], "x.y has the places 1; a list's are 0, 1"),
        (["x.00", "x.1"], "x has the places 00, 1"),
    ],
)
def test_contradictions_are_refused(names: list[str], words: str) -> None:
    with pytest.raises(UserError, match=re.escape(f"--input: {words}")):
        nested(names)
