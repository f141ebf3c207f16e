"""A JSON object has each name once, and none that nobody reads."""

import json
from typing import Any

import pytest

from torchferry.serving.codec.json_objects import MAX_CONTAINERS, check_containers, check_names_read, each_once
from torchferry.serving.errors import TooLarge, WrongParameter, WrongTensor


def test_names_that_are_different_ones_are_taken() -> None:
    text = '{"a": {"b": 1, "c": [{"b": 2}]}, "b": 3}'
    assert json.loads(text, object_pairs_hook=each_once) == json.loads(text)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '{"b": [{"a": 1, "b": 2, "a": 3}]}', '{"a": 1, "\\u0061": 2}'])
def test_a_name_that_stands_twice_is_refused(text: str) -> None:
    with pytest.raises(WrongTensor, match=r"^an object has 'a' more than once$"):
        json.loads(text, object_pairs_hook=each_once)


def test_one_of_very_many_names_that_stands_twice_is_found() -> None:
    """To count each of them, as a list can, would take hours."""
    names = [f'"{number}": 1' for number in range(300_000)]
    with pytest.raises(WrongTensor, match="an object has '299999' more than once"):
        json.loads(f"{{{','.join([*names, names[-1]])}}}", object_pairs_hook=each_once)


@pytest.mark.parametrize("one", [b"[]", b"{}", b'"a":1'])
def test_more_lists_objects_or_members_than_are_read_are_refused_unread(one: bytes) -> None:
    check_containers(b"[" + b",".join([one] * (MAX_CONTAINERS - 1)) + b"]")
    with pytest.raises(TooLarge, match="more than 1,048,576 lists and objects, or so many members"):
        check_containers(b"[" + b",".join([one] * (MAX_CONTAINERS + 1)) + b"]")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"inputs": 1, "output": [1]}, "the body has 'output', which is not read; did you mean outputs?"),
        ({"mine": 1}, "the body has 'mine', which is not read; it has inputs, outputs"),
        ({"x" * 500: 1}, f"the body has '{'x' * 100}', which is not read"),
    ],
)
def test_a_name_that_nobody_reads_is_refused_with_the_nearest(given: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongParameter) as caught:
        check_names_read(given, {"inputs", "outputs"}, "the body")
    assert words in str(caught.value)


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
def test_what_says_nothing_may_stand_there(value: Any) -> None:
    check_names_read({"inputs": 1, "mine": value}, {"inputs", "outputs"}, "the body")
