"""Torch's functions of packed sequences, changed for a while: so that a trace can follow them, and so that networks in
eager mode take samples in any order.

They are changed in themselves, since networks have imported them by name.
"""

import contextlib
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.utils import rnn
from torch.nn.utils.rnn import PackedSequence

OWN_PACK = FunctionType(rnn.pack_padded_sequence.__code__, vars(rnn), argdefs=rnn.pack_padded_sequence.__defaults__)
LISTS = ("tolist", "numpy")
"""Methods of tensors by which lengths are made what `pack_padded_sequence` takes as well."""


@contextlib.contextmanager
def any_order() -> Iterator[None]:
    """While it lasts, no network insists on samples that are sorted by length. Those of a training batch were; those of
    several requests are not. A trace packs in its own way."""
    if torch.compiler.is_exporting():
        yield
    else:
        with _set(rnn.pack_padded_sequence, "__code__", _pack_sorted.__code__):
            yield


def pack_in_any_order(input: torch.Tensor, lengths: Any, batch_first: bool) -> PackedSequence:
    made: PackedSequence = OWN_PACK(input, lengths, batch_first, enforce_sorted=False)
    return made


@contextlib.contextmanager
def padding_stays() -> Iterator[None]:
    """While it lasts, packed sequences are those of `packed.py`."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_set(rnn.pack_padded_sequence, "__code__", _pack.__code__))
        stack.enter_context(_set(rnn.pad_packed_sequence, "__code__", _unpack.__code__))
        # It makes the number of samples a constant.
        stack.enter_context(_set(nn.RNNBase, "check_forward_args", lambda *_: None))
        for name in LISTS:
            stack.enter_context(_set(FakeTensor, name, _as_it_is(getattr(FakeTensor, name))))
        yield


def _as_it_is(own: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A trace has no list of a batch of any size."""
    return lambda tensor: tensor if tensor.dim() == 1 and not tensor.is_floating_point() else own(tensor)


@contextlib.contextmanager
def _set(owner: Any, name: str, value: Any) -> Iterator[None]:
    own = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, own)


# What runs instead of torch's has the names of torch's module, and the defaults of its functions.
def _pack(input, lengths, batch_first, enforce_sorted):  # type: ignore[no-untyped-def]  # noqa: ARG001
    from torchferry.serving.export.recurrent.packed import pack

    return pack(input, lengths, batch_first)


def _pack_sorted(input, lengths, batch_first, enforce_sorted):  # type: ignore[no-untyped-def]  # noqa: ARG001
    from torchferry.serving.export.recurrent.torchs_functions import pack_in_any_order

    return pack_in_any_order(input, lengths, batch_first)


def _unpack(sequence, batch_first, padding_value, total_length):  # type: ignore[no-untyped-def]
    from torchferry.serving.export.recurrent.packed import unpack

    return unpack(sequence, batch_first, padding_value, total_length)
