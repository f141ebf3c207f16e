"""Strings by their numbers, there and back."""

from typing import Any

import numpy as np

from torchferry.serving.bundle.tensor_spec import TensorSpec
from torchferry.serving.export.numbered_strings import (
    all_numbered,
    as_served,
    numbered,
    numbering,
    unnumbered,
)

WORD = TensorSpec(name="word", datatype="BYTES", shape=(-1, 2))
AGE = TensorSpec(name="age", datatype="FP32", shape=(-1,))


def test_equal_strings_have_equal_numbers() -> None:
    numbers = numbered(np.array([["cat", "dög"], ["dög", ""]]))
    assert (numbers.dtype.name, numbers.shape) == ("int64", (2, 2))
    assert numbers[0, 1] == numbers[1, 0] != numbers[0, 0]
    assert unnumbered(numbers).tolist() == [[b"cat", "dög".encode()], ["dög".encode(), b""]]
    np.testing.assert_array_equal(numbered(np.array([b"cat"], object)), numbers[0, :1])


def test_a_number_that_nothing_has_is_a_string_too() -> None:
    assert unnumbered(np.array([10**9, -3])).tolist() == [b"1000000000", b"-3"]


def test_numbers_stay_as_they_are() -> None:
    ages = np.zeros(2, np.float32)
    assert numbered(ages) is ages
    served = as_served({"word": numbered(np.array([["a", "b"]])), "age": ages}, [WORD, AGE])
    assert served["age"] is ages
    assert served["word"].tolist() == [[b"a", b"b"]]
    assert all_numbered(served)["word"].dtype == np.int64


class Echo:
    provider = "its own"

    def run(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        assert inputs["word"].dtype == object
        return inputs


def test_a_session_takes_and_gives_numbers() -> None:
    session: Any = Echo()
    numbers = numbered(np.array([["a", "b"]]))
    wrapped = numbering(session, [WORD], [WORD])
    np.testing.assert_array_equal(wrapped.run({"word": numbers})["word"], numbers)
    assert wrapped.provider == "its own"
    assert numbering(session, [AGE], [AGE]) is session
