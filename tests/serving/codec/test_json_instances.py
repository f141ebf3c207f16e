"""Samples of JSON requests: which are samples themselves, and how those of unequal size become a tensor."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.serving.encoded_bundles import SOUND, TEXT
from tests.serving.tiny_bundle import described
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.codec.json_instances import are_texts, by_name, columns_of, is_sample
from torchferry.serving.errors import NotDecodable, WrongTensor

TEXTS, SOUNDS, BOTH = (described(inputs=inputs) for inputs in ((TEXT,), (SOUND,), (TEXT, SOUND)))


@pytest.mark.parametrize(
    ("content", "bundle", "expected"),
    [
        ("free", TEXTS, True),
        ({"text": "free"}, TEXTS, True),
        ({"ids": "free"}, TEXTS, True),
        ({"b64": "ZnJlZQ=="}, TEXTS, True),
        ({"b64": "ZnJlZQ=="}, SOUNDS, True),
        ({"sound": {"b64": ""}}, SOUNDS, True),
        ({"text": 3}, TEXTS, False),
        ({"text": ["free"]}, TEXTS, False),
        ({"text": "free", "top_k": 1}, TEXTS, False),
        ({"text": "free"}, SOUNDS, False),
        ("free", SOUNDS, False),
        ({"text": "free"}, BOTH, False),
        ({"row": "1"}, described(), False),
    ],
)
def test_an_object_is_a_sample_under_the_names_of_the_only_input(content: Any, bundle: Bundle, expected: bool) -> None:
    assert is_sample(content, bundle) is expected


def test_a_list_of_texts_is_several_samples() -> None:
    assert are_texts(["a", "b"], TEXTS)
    assert not any(are_texts(each, TEXTS) for each in ([], ["a", 1], "a", [["a"]]))
    assert not are_texts(["a"], SOUNDS)


@pytest.mark.parametrize("samples", [["a", "b"], [{"text": "a"}, {"text": "b"}], [{"ids": "a"}, {"text": "b"}]])
def test_texts_go_alone_or_by_name(samples: list[Any]) -> None:
    assert columns_of(samples, TEXTS) == ({}, {"ids": [b"a", b"b"]})


def test_several_inputs_go_by_name() -> None:
    inputs, files = columns_of([{"ids": "a", "sound": {"b64": "b25l"}}], BOTH)
    assert (inputs, files) == ({}, {"ids": [b"a"], "sound": [b"one"]})
    assert by_name(BOTH) == '{"instances": [{"ids": "a text", "sound": {"b64": "a sound file as base64"}}]}'


def test_numbers_of_unequal_length_have_the_pad_behind_them() -> None:
    inputs, _ = columns_of([[2, 3], [4]], TEXTS)
    np.testing.assert_array_equal(inputs["ids"], np.array([[2, 3], [4, 0]]), strict=True)
    with pytest.raises(WrongTensor, match=r"unequal sizes.*; send samples of other sizes in requests of their own"):
        columns_of([[2, 3], [4]], described(inputs=(replace(TEXT, pad=None),)))


@pytest.mark.parametrize(
    ("samples", "error", "words"),
    [
        ([[2] * 13], WrongTensor, "'ids' has 13 tokens; the model takes 1 to 12"),
        ([[]], WrongTensor, "'ids' has shape"),
        ([[2, "x"]], WrongTensor, "'ids' has data other than INT64 numbers"),
        (["a", [2]], NotDecodable, "'ids' of an instance is not of the form \"a text\""),
        ([[2], "a"], WrongTensor, "'ids' has data other than INT64 numbers"),
        ([2, {"b64": ""}], WrongTensor, "'ids' takes numbers, or texts for every sample"),
    ],
)
def test_samples_of_another_kind_are_refused(samples: list[Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        columns_of(samples, TEXTS)
