"""What a variant rounds comes back in the next request of a sequence: the gate adds it up over some."""

import re

import numpy as np
import pytest

from tests.serving.export.tiny_reference import tiny_reference
from tests.serving.stateful import STATE, Adding, reference_of
from torchferry.errors import UserError
from torchferry.serving.export.checks.gate import Limits
from torchferry.serving.export.checks.state_chain import SEQUENCES, STEPS, Arrays, Carrying, StateChain
from torchferry.serving.export.reference import Reference

LIMITS = Limits(max_abs_diff=1e-3)


class Session:
    """A variant that computes as another reference does, and keeps what it was asked."""

    def __init__(self, reference: Reference) -> None:
        self.reference, self.asked = reference, list[Arrays]()

    def run(self, inputs: Arrays) -> dict[str, np.ndarray]:
        self.asked.append(inputs)
        return self.reference.run(inputs)


def test_a_variant_carries_its_own_state() -> None:
    reference = reference_of(Adding())
    session = Session(reference)
    assert StateChain(reference).refusal(session, LIMITS) is None
    assert [len(each["x"]) for each in session.asked] == [SEQUENCES] * STEPS
    sums = np.cumsum([each["x"] for each in session.asked], axis=0)
    np.testing.assert_array_equal(session.asked[0]["total"], np.zeros((SEQUENCES, 2)))
    np.testing.assert_allclose(session.asked[-1]["total"], sums[-2], atol=1e-5)


def test_what_is_small_in_a_request_and_grows_in_a_sequence_is_refused() -> None:
    reference, rounded = reference_of(Adding()), reference_of(Adding(factor=0.999))
    given = {"x": np.ones((1, 2), np.float32), "total": np.full((1, 2), 0.1, np.float32)}
    assert np.abs(reference.run(given)["y"] - rounded.run(given)["y"]).max() < 1e-3
    words = StateChain(reference).refusal(Session(rounded), LIMITS)
    assert words
    assert re.match(r"in sequences of 16 requests, carrying its own state: outputs differ by .*, allowed are", words)


def test_each_pass_begins_anew() -> None:
    chain, session = StateChain(reference := reference_of(Adding())), Session(reference)
    assert [chain.refusal(session, LIMITS) for _ in range(2)] == [None, None]


def test_a_sequence_begins_with_what_was_said() -> None:
    reference = reference_of(Adding(), start={"total": np.full(2, 5, np.float32)})
    session = Session(reference)
    assert StateChain(reference).refusal(session, LIMITS) is None
    np.testing.assert_array_equal(session.asked[0]["total"], np.full((SEQUENCES, 2), 5))


def test_a_network_whose_state_grows_without_end_is_refused() -> None:
    words = r"--state: 'next_total' of the model itself is not finite after \d+ requests of a sequence, each fed"
    with pytest.raises(UserError, match=words):
        StateChain(reference_of(Adding(factor=1e9)))


def test_a_model_without_state_is_not_asked() -> None:
    reference = tiny_reference()
    session = Session(reference)
    assert StateChain(reference).refusal(session, LIMITS) is None
    assert session.asked == []


def test_the_first_request_has_the_state_that_it_is_given() -> None:
    carrying = Carrying(Session(reference_of(Adding())), STATE)
    given = {"x": np.ones((1, 2), np.float32), "total": np.full((1, 2), 4, np.float32)}
    assert [carrying.run(given)["y"][0, 0] for _ in range(3)] == [10, 12, 14]
