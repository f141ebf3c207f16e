"""Equal calls are answered alike, or it is said whether chance or memory is to blame."""

import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from tests.serving.dependent import Counting, Of
from tests.serving.export.checks.test_independence import reference_of
from torchferry.errors import UserError
from torchferry.serving.export.checks.repeatable import check_repeatable

ROWS = {"row": np.ones((3, 8), np.float32)}


def check(network: nn.Module) -> Callable[[], None]:
    reference = reference_of(network)
    return check_repeatable(reference, lambda: reference.run(ROWS))


@pytest.mark.parametrize(
    "chance",
    [
        lambda: torch.rand(1),
        lambda: float(np.random.rand()),
        lambda: random.random(),
        lambda: nn.functional.dropout(torch.ones(3), 0.5),
    ],
    ids=["torch", "numpy", "python", "dropout"],
)
def test_chance_of_any_kind_is_chance(chance: Callable[[], float]) -> None:
    with pytest.raises(UserError, match=r"random in evaluation: two equal calls differ by .* in 'scores'; switch"):
        check(Of(lambda of, row: of.layer(row) + chance()))


def test_whole_numbers_that_differ_are_counted() -> None:
    with pytest.raises(UserError, match=r"two equal calls differ by \d+\.\d\d% in 'scores'"):
        check(Of(lambda _, row: torch.randint(0, 1000, (len(row), 20))))


def test_what_is_kept_is_no_chance() -> None:
    with pytest.raises(UserError, match="keeps something of its own from one call to the next"):
        check(Counting())


def test_the_buffer_that_changes_is_named_as_the_network_has_it() -> None:
    def counted(of: Of, row: torch.Tensor) -> torch.Tensor:
        of.seen += 1
        return of.layer(row) + of.seen

    with pytest.raises(UserError, match="keeps its buffer 'seen' from one call to the next"):
        check(Of(counted))


def test_what_other_calls_have_changed_is_found_afterwards() -> None:
    """It forgets none of the rows that are larger than those before."""

    def largest(of: Of, row: torch.Tensor) -> torch.Tensor:
        of.seen.copy_(torch.maximum(of.seen, row.max()))
        return of.layer(row) + of.seen

    reference = reference_of(Of(largest))
    check_unchanged = check_repeatable(reference, lambda: reference.run(ROWS))
    check_unchanged()
    reference.run({"row": np.full((1, 8), 50, np.float32)})
    with pytest.raises(UserError, match=r"keeps something of its own from one call to the next: .* differ by 4[0-9]"):
        check_unchanged()


def test_a_buffer_that_no_answer_depends_on_may_change() -> None:
    def counted(of: Of, row: torch.Tensor) -> torch.Tensor:
        of.seen += 1
        return of.layer(row)

    check(Of(counted))()


def test_everybody_elses_random_numbers_go_on_as_before() -> None:
    def drawn() -> tuple[float, float, float]:
        return float(torch.rand(1)), float(np.random.rand()), random.random()

    def seed() -> None:
        torch.manual_seed(5)
        np.random.seed(5)
        random.seed(5)

    seed()
    expected = drawn()
    network = Of(lambda of, row: of.layer(row))
    seed()
    reference = reference_of(network)
    check_repeatable(reference, lambda: reference.run(ROWS))
    assert drawn() == expected
