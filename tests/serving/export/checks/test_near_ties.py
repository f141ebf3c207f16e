"""A near tie is what the checkpoint itself decides otherwise; a clear decision is none, however large its number."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.serving.deciding import CLEAR, TIED, Deciding
from tests.serving.dependent import Of
from tests.serving.export.checks.test_independence import reference_of
from torchferry.serving.export.checks.near_ties import excused, near_ties


@pytest.mark.parametrize(("rows", "ties"), [((CLEAR, TIED, CLEAR), [False, True, False]), ((CLEAR,), [False])])
def test_what_changed_weights_decide_otherwise_is_a_near_tie(rows: tuple[list[float], ...], ties: list[bool]) -> None:
    given = torch.tensor(rows)
    assert near_ties(reference_of(Deciding(), given), {"row": given.numpy()})["scores"].tolist() == ties


@pytest.mark.parametrize(("value", "is_tie"), [(1.5, True), (1.501, False)])
def test_a_threshold_without_weights_is_tried_with_changed_inputs(value: float, is_tie: bool) -> None:
    given = torch.tensor([[value]])
    found = near_ties(reference_of(Of(lambda _, row: (row >= 1.5).long()), given), {"row": given.numpy()})
    assert found["scores"].tolist() == [[is_tie]]


def test_ids_among_floating_point_numbers_stay_what_they_are() -> None:
    given = torch.tensor([[3.0], [7.0]])
    found = near_ties(reference_of(Of(lambda _, row: row.long()), given), {"row": given.numpy()})
    assert found["scores"].tolist() == [[False], [False]]


def test_a_weight_of_fewer_bits_is_changed_by_its_last() -> None:
    class Half(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.edge = nn.Parameter(torch.tensor(1.5, dtype=torch.float16))

        def forward(self, row: torch.Tensor) -> torch.Tensor:
            return (row >= self.edge.float()).long()

    given = torch.tensor([[1.5], [1.6]])
    found = near_ties(reference_of(Half(), given), {"row": given.numpy()})
    assert found["scores"].tolist() == [[True], [False]]


def test_numbers_with_a_point_have_none_and_the_reference_stays_as_it_is() -> None:
    reference = reference_of(Of(lambda of, row: of.layer(row)))
    before = [values.clone() for values in reference.module.parameters()]
    assert near_ties(reference, {"row": np.ones((2, 8), np.float32)}) == {}
    ids = reference_of(Of(lambda of, row: of.layer(row).argmax(1)))
    near_ties(ids, {"row": np.ones((2, 8), np.float32)})
    assert all(torch.equal(*pair) for pair in zip(before, ids.module.parameters(), strict=True))


def test_a_change_that_the_network_does_not_take_is_no_tie() -> None:
    table, given = torch.arange(8), torch.tensor([[1 - 2**-24]])  # the last entry, and a little more is none
    found = near_ties(reference_of(Of(lambda _, row: table[(8 * row).long()]), given), {"row": given.numpy()})
    assert found["scores"].tolist() == [[False]]


def test_a_network_that_cannot_be_copied_has_none() -> None:
    class Alone(Deciding):
        def __deepcopy__(self, memo: object) -> nn.Module:
            raise RuntimeError("there is one of me")

    rows = torch.tensor([TIED])
    assert near_ties(reference_of(Alone(), rows), {"row": rows.numpy()})["scores"].tolist() == [False]


@pytest.mark.parametrize(("ties", "elements", "left"), [(1, 1, 1), (1, 5, 1), (2, 5, 0), (10, 100, 10), (11, 100, 0)])
def test_one_or_a_tenth_is_excused_and_more_is_chaos(ties: int, elements: int, left: int) -> None:
    assert excused(ties, elements) == left
