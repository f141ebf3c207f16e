"""Packed sequences as a trace has them: still padded, beside the samples' lengths.

Packing makes a tensor of as many rows as the lengths add up to, which no trace can follow.
"""

from typing import Any

import torch
from torch.nn.functional import pad
from torch.nn.utils.rnn import PackedSequence


class Lengths:
    """In the place of a packed sequence's batch sizes, whose first is the number of samples."""

    device = torch.device("cpu")

    def __init__(self, lengths: torch.Tensor, steps: torch.Tensor) -> None:
        """`steps` are [steps, batch, ...]."""
        self.lengths, (self.steps, self.samples) = lengths, steps.shape[:2]

    def __getitem__(self, place: int) -> int | torch.SymInt:
        if place != 0:
            raise TypeError("batch sizes of a packed sequence cannot be traced; take the lengths")
        return self.samples

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise TypeError(f"batch sizes of a packed sequence cannot be traced by {func.__name__}; take the lengths")


def pack(input: torch.Tensor, lengths: Any, batch_first: bool) -> PackedSequence:
    """As `pack_padded_sequence`, with rows of padding left in `data`."""
    steps = input.transpose(0, 1) if batch_first else input
    told = lengths if isinstance(lengths, torch.Tensor) else torch.as_tensor(lengths)
    sizes = Lengths(told.to(torch.int64), steps)
    made: PackedSequence = tuple.__new__(PackedSequence, (steps.flatten(0, 1), sizes, None, None))
    return made


def steps_of(data: torch.Tensor, sizes: Lengths) -> torch.Tensor:
    """[steps, batch, ...] of the data of a packed sequence."""
    return data.reshape(sizes.steps, sizes.samples, *data.shape[1:])


def unpack(
    sequence: PackedSequence, batch_first: bool, padding_value: float, total_length: int | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """As `pad_packed_sequence`: up to the longest of these samples, unless it is said how far."""
    sizes: Any = sequence.batch_sizes
    steps, lengths = steps_of(sequence.data, sizes), sizes.lengths
    behind = torch.arange(steps.shape[0])[:, None] >= lengths
    steps = steps.masked_fill(behind.reshape(*behind.shape, *[1] * (steps.dim() - 2)), padding_value)
    if total_length is None:
        longest = lengths.max().item()
        torch._check(longest >= 1)
        torch._check(longest <= steps.shape[0])
        steps = steps[:longest]
    else:
        steps = pad(steps, [0] * (2 * steps.dim() - 1) + [total_length - steps.shape[0]], value=padding_value)
    return steps.transpose(0, 1) if batch_first else steps, lengths
