"""Packed sequences of a trace are padded and have lengths, and otherwise do as torch's."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from torchferry.serving.export.recurrent.packed import pack, steps_of, unpack

LENGTHS = torch.tensor([2, 4, 1])
ROWS = torch.arange(3 * 5 * 2.0).reshape(3, 5, 2)


@pytest.mark.parametrize(("value", "total"), [(0.0, None), (-1.0, 5), (7.0, 6), (0.0, 4)])
@pytest.mark.parametrize("first", [True, False])
def test_what_is_packed_is_unpacked_as_torch_does(value: float, total: int | None, first: bool) -> None:
    rows = ROWS if first else ROWS.transpose(0, 1)
    expected = pad_packed_sequence(
        pack_padded_sequence(rows, LENGTHS, first, enforce_sorted=False), first, value, total
    )
    given = unpack(pack(rows, LENGTHS, first), first, value, total)
    assert torch.equal(given[0], expected[0])
    assert torch.equal(given[1], expected[1])


def test_lengths_may_be_a_list() -> None:
    assert torch.equal(unpack(pack(ROWS, [2, 4, 1], True), True, 0.0, None)[1], LENGTHS)


def test_its_data_are_rows_that_a_layer_takes() -> None:
    """As networks embed, or normalise, what is packed."""
    packed = pack(ROWS, LENGTHS, True)
    sizes: Any = packed.batch_sizes
    made = PackedSequence(nn.Linear(2, 4)(packed.data), packed.batch_sizes, packed.sorted_indices)
    assert steps_of(made.data, sizes).shape == (5, 3, 4)
    assert unpack(made._replace(data=made.data * 2), True, 0.0, None)[0].shape == (3, 4, 4)


def test_batch_sizes_are_refused_by_what_would_have_to_know_them() -> None:
    sizes = pack(ROWS, LENGTHS, True).batch_sizes
    assert sizes[0] == 3
    with pytest.raises(TypeError, match="cannot be traced; take the lengths"):
        _ = sizes[1]
    with pytest.raises(TypeError, match="cannot be traced by cumsum; take the lengths"):
        torch.cumsum(sizes, 0)
