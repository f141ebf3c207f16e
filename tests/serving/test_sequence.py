"""A sequence as a program of ours has it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from torchferry.serving.client import Refused
from torchferry.serving.sequence import Arrays, Sequence


class Asked:
    def __init__(self, *fails: bool) -> None:
        self.fails, self.parameters = list(fails), list[Mapping[str, Any]]()

    def step(self, model: str, inputs: Arrays, parameters: Mapping[str, Any]) -> dict[str, np.ndarray]:
        self.parameters.append(parameters)
        if self.fails and self.fails.pop(0):
            raise Refused(model)
        return dict(inputs)


def flags(asked: Asked) -> list[tuple[bool, bool]]:
    return [(each["sequence_start"], each["sequence_end"]) for each in asked.parameters]


def test_the_first_piece_begins_it_and_the_last_one_ends_it() -> None:
    asked = Asked()
    sequence = Sequence(asked, "adding", 7)
    for number in range(3):
        sequence.infer({"x": np.zeros((1, 2))}, last=number == 2)
    sequence.infer({"x": np.zeros((1, 2))})
    assert flags(asked) == [(True, False), (False, False), (False, True), (True, False)]
    assert {each["sequence_id"] for each in asked.parameters} == {7}


def test_a_piece_that_fails_is_sent_again_as_it_was() -> None:
    asked = Asked(True, False, True, False)
    sequence = Sequence(asked, "adding")
    for last in (False, True):
        with pytest.raises(Refused):
            sequence.infer({}, last=last)
        sequence.infer({}, last=last)
    assert flags(asked) == [(True, False), (True, False), (False, True), (False, True)]


def test_each_has_an_id_of_its_own() -> None:
    words = {Sequence(Asked(), "adding").word for _ in range(10)}
    assert len(words) == 10
    assert all(isinstance(word, str) and len(word) == 32 for word in words)
