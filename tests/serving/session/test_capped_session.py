"""A capped session computes no more samples together than it may, and answers for all of them."""

from collections.abc import Mapping

import numpy as np
import pytest

from torchferry.serving.session.capped_session import CappedSession, capped, in_parts, parts_of


class Summing:
    """Gives each row the sum of all that came with it."""

    provider = "CPU"

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        self.sizes.append(len(inputs["row"]))
        return {"sum": np.full(len(inputs["row"]), inputs["row"].sum()), "row": inputs["row"]}


@pytest.mark.parametrize(
    ("most", "sizes", "sums"),
    [
        (1, [1, 1, 1, 1], [1, 2, 3, 4]),
        (3, [3, 1], [6, 6, 6, 4]),
        (4, [4], [10, 10, 10, 10]),
        (9, [4], [10, 10, 10, 10]),
        (None, [4], [10, 10, 10, 10]),
    ],
)
def test_samples_are_computed_in_parts_and_answered_in_their_order(
    most: int | None, sizes: list[int], sums: list[int]
) -> None:
    session = Summing()
    answered = capped(session, most).run({"row": np.arange(1, 5)})
    assert session.sizes == sizes
    assert answered["sum"].tolist() == sums
    assert answered["row"].tolist() == [1, 2, 3, 4]


def test_several_inputs_are_taken_apart_alike() -> None:
    given = {"a": np.arange(3), "b": 10 * np.arange(3)}
    answered = in_parts(lambda inputs: {"sum": inputs["a"] + inputs["b"]}, given, 2)
    assert answered["sum"].tolist() == [0, 11, 22]


def test_an_answer_in_one_part_is_not_copied() -> None:
    given = {"row": np.arange(3)}
    assert in_parts(lambda inputs: dict(inputs), given, 3)["row"] is given["row"]


@pytest.mark.parametrize(("most", "sizes"), [(2, [2, 2, 1]), (5, [5]), (None, [5])])
def test_parts_are_as_large_as_they_may_be(most: int | None, sizes: list[int]) -> None:
    parts = parts_of({"row": np.arange(5)}, most)
    assert [len(part["row"]) for part in parts] == sizes
    assert np.concatenate([part["row"] for part in parts]).tolist() == [0, 1, 2, 3, 4]


def test_what_else_is_asked_of_it_is_the_sessions_own() -> None:
    assert CappedSession(Summing(), 1).provider == "CPU"
    with pytest.raises(AttributeError):
        _ = CappedSession(Summing(), 1).module
