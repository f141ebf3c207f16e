"""The parameters of Triton's sequence extension, as REST and gRPC bring them."""

import re
from typing import Any

import pytest

from torchferry.serving.errors import WrongParameter
from torchferry.serving.onnx_server.inference import Inference, read_parameters
from torchferry.serving.onnx_server.sequence_parameters import LONGEST, InSequence, read_sequence


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({"sequence_id": 5, "sequence_start": True, "sequence_end": False}, InSequence(5, start=True)),
        ({"sequence_id": 2**64 - 1, "sequence_end": True}, InSequence(2**64 - 1, end=True)),
        ({"sequence_id": "5"}, InSequence("5")),
        ({"sequence_id": "a" * LONGEST, "sequence_start": None}, InSequence("a" * LONGEST)),
        ({"sequence_id": 0, "sequence_start": False, "sequence_end": False}, None),
        ({"sequence_id": ""}, None),
        ({"sequence_id": None}, None),
        ({}, None),
    ],
)
def test_what_triton_means_by_them(given: dict[str, Any], asked: InSequence | None) -> None:
    assert read_sequence(given) == asked
    read_parameters(given, into := Inference({}))
    assert into.sequence == asked
    assert into.of({}, {}).sequence == asked


def test_a_number_and_its_text_are_two_sequences() -> None:
    assert read_sequence({"sequence_id": 5}) != read_sequence({"sequence_id": "5"})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sequence_id": 1.5}, "sequence_id is 1.5; give a whole number or a text"),
        ({"sequence_id": True}, "sequence_id is True; give a whole number or a text"),
        ({"sequence_id": False}, "sequence_id is False; give a whole number or a text"),
        ({"sequence_id": [1]}, "sequence_id is [1]; give a whole number or a text"),
        ({"sequence_id": "a" * (LONGEST + 1)}, "sequence_id has 129 letters; 128 are taken"),
        ({"sequence_id": 1, "sequence_start": 1}, "sequence_start is 1; give true or false"),
        ({"sequence_id": 1, "sequence_end": "true"}, "sequence_end is 'true'; give true or false"),
        (
            {"sequence_start": True},
            "sequence_start is true without a sequence_id; give a number other than 0, or a text",
        ),
        ({"sequence_id": 0, "sequence_end": True}, "sequence_end is true without a sequence_id"),
        ({"sequence_ids": 1}, "sequence_ids is 1; a request is one of a sequence by sequence_id, sequence_start, sequ"),
    ],
)
def test_what_means_nothing_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(WrongParameter, match=f"^{re.escape(words)}"):
        read_parameters(given, Inference({}))
