"""Torch's functions are changed for a while and for every network, whatever it has imported; then they are torch's."""

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.nn.utils import rnn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from torchferry.serving.export.recurrent.packed import Lengths
from torchferry.serving.export.recurrent.torchs_functions import any_order, padding_stays

ROWS, UNSORTED = torch.arange(12.0).reshape(3, 4, 1), torch.tensor([1, 4, 2])


def test_samples_may_come_in_any_order() -> None:
    layer = nn.GRU(1, 3, batch_first=True)
    with any_order():
        packed = pack_padded_sequence(ROWS, UNSORTED, batch_first=True)
        together, _ = pad_packed_sequence(layer(packed)[0], batch_first=True)
    for sample, length in enumerate(UNSORTED):
        alone = layer(ROWS[[sample], :length])[0]
        torch.testing.assert_close(together[[sample], :length], alone)


def test_afterwards_torch_insists_again_also_behind_an_error() -> None:
    with pytest.raises(ZeroDivisionError), any_order():
        raise ZeroDivisionError
    with pytest.raises(RuntimeError, match="must be sorted"):
        pack_padded_sequence(ROWS, UNSORTED, batch_first=True)


def test_padding_stays_in_what_is_packed_and_only_then() -> None:
    before = (nn.RNNBase.check_forward_args, FakeTensor.tolist, FakeTensor.numpy, rnn.pad_packed_sequence.__code__)
    with padding_stays():
        packed = pack_padded_sequence(ROWS, UNSORTED, batch_first=True)
        assert isinstance(packed.batch_sizes, Lengths)
        assert torch.equal(pad_packed_sequence(packed, batch_first=True)[1], UNSORTED)
    after = (nn.RNNBase.check_forward_args, FakeTensor.tolist, FakeTensor.numpy, rnn.pad_packed_sequence.__code__)
    assert after == before
    assert not isinstance(pack_padded_sequence(ROWS[:1], UNSORTED[:1], batch_first=True).batch_sizes, Lengths)
