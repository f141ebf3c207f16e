"""Strings as JSON and raw, and what is none."""

import numpy as np
import pytest

from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.codec.strings import (
    from_elements,
    from_json,
    held,
    length,
    listed,
    raw_elements,
    strings,
    texts,
    to_raw,
)
from torchferry.serving.codec.tensors import from_raw, from_raw_alone, read_tensors
from torchferry.serving.errors import TooLarge, WrongTensor

SPEC = TensorSpec(name="word", datatype="BYTES", shape=(-1, 2))
WORDS = ["cat", "dög", "", "a\0b\0"]


def test_texts_in_lists_become_bytes_objects() -> None:
    for data in (WORDS, [WORDS[:2], WORDS[2:]]):
        found = from_json(data, [2, 2], SPEC)
        assert found.tolist() == [[b"cat", "dög".encode()], [b"", b"a\0b\0"]]
        assert listed(found) == [WORDS[:2], WORDS[2:]]
        np.testing.assert_array_equal(strings(texts(found)), found)


def test_raw_each_follows_its_length() -> None:
    found = from_json(WORDS[:2], [1, 2], SPEC)
    raw = b"\x03\0\0\0cat\x04\0\0\0d\xc3\xb6g"
    assert (to_raw(found), length(found)) == (raw, len(raw))
    np.testing.assert_array_equal(from_raw(raw, [1, 2], SPEC), found)
    np.testing.assert_array_equal(from_raw_alone(raw, [SPEC])["word"], found)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([1, 2], "'word' has 1 in its data; it takes strings"),
        (["a", None], "'word' has None in its data"),
        (None, "'word' has None in its data"),
        (["a", "\ud800"], "half of a surrogate pair"),
        (["a"], r"'word' has 1 strings; shape \[1, 2\] has 2"),
    ],
)
def test_other_data_are_refused(data: object, words: str) -> None:
    with pytest.raises(WrongTensor, match=words):
        from_json(data, [1, 2], SPEC)


def test_what_is_not_utf8_is_told_by_its_place() -> None:
    with pytest.raises(WrongTensor, match="not UTF-8: element 1 has the byte 0xff; encode it as UTF-8"):
        from_elements([b"a", b"b\xff"], [1, 2], SPEC)


def test_a_body_of_raw_strings_has_whole_samples() -> None:
    with pytest.raises(WrongTensor, match="the body has 3 strings; a sample of 'word' has 2"):
        from_raw_alone(bytes(12), [SPEC])


def test_the_elements_are_looked_at_up_to_their_bound() -> None:
    two = b"\x01\0\0\0a" + bytes(4)
    assert raw_elements(two, "x", 2) == [b"a", b""]
    with pytest.raises(TooLarge, match="'x' has more than 2 elements; 2 are allowed"):
        raw_elements(two + b"none", "x", 2)


def test_many_empty_strings_are_too_large_before_they_are_made() -> None:
    tensor = {"name": "word", "datatype": "BYTES", "shape": [2**20, 2], "data": []}
    with pytest.raises(TooLarge, match="2,097,152 elements; 1,048,576 are allowed"):
        read_tensors({"inputs": [tensor]}, [SPEC], 2)


def test_memory_counts_the_objects() -> None:
    assert held(from_json(WORDS, [2, 2], SPEC)) > 4 * 64
    assert held(np.zeros(4, np.int64)) == length(np.zeros(4, np.int64)) == 32


def test_strings_of_fixed_width_become_objects() -> None:
    for given in (np.array(["cat", "dög"]), np.array([b"cat", "dög".encode()])):
        assert strings(given).tolist() == [b"cat", "dög".encode()]
