"""Networks around recurrent layers are traced at any length as their authors wrote them."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from tests.serving.export.recurrent.layers import traced
from torchferry.serving.export.recurrent.aten_nodes import with_own_operators


class Embedded(nn.Module):
    """Sorts by itself, embeds and normalises what is packed, and takes each sample's last step."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.norm = nn.Embedding(50, 8), nn.LayerNorm(8)
        self.first, self.second = nn.LSTM(8, 8), nn.RNN(8, 6, bidirectional=True)

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        lengths, order = lengths.sort(descending=True)
        packed = pack_padded_sequence(ids[order].t(), lengths.cpu())
        packed = PackedSequence(self.words(packed.data), packed.batch_sizes, packed.sorted_indices)
        packed, _ = self.first(packed)
        packed, _ = self.second(packed._replace(data=self.norm(packed.data)))
        given, lengths = pad_packed_sequence(packed)
        return given[lengths - 1, torch.arange(lengths.shape[0])][order.argsort()]


class Attended(nn.Module):
    """Lengths of the ids themselves, given as a list; weights that are computed; attention over what is padded."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.layer, self.score = nn.Embedding(50, 8), nn.GRU(8, 8, batch_first=True), nn.Linear(8, 1)
        nn.utils.parametrizations.weight_norm(self.layer, "weight_hh_l0")

    def forward(self, ids: torch.Tensor, _: torch.Tensor) -> torch.Tensor:
        lengths = (ids > 0).sum(1)
        packed = pack_padded_sequence(self.words(ids), lengths.cpu().tolist(), batch_first=True, enforce_sorted=False)
        given, lengths = pad_packed_sequence(self.layer(packed)[0], batch_first=True)
        behind = torch.arange(given.shape[1]) >= lengths[:, None]
        weights = self.score(given)[..., 0].masked_fill(behind, -1e9).softmax(1)
        return (given * weights[..., None]).sum(1)


class Listed(Attended):
    """As older code gives them."""

    def forward(self, ids: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        listed: Any = lengths.numpy()
        packed = pack_padded_sequence(self.words(ids), listed, batch_first=True, enforce_sorted=False)
        return self.layer(packed)[1][-1]


def inputs(samples: int, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
    lengths = torch.randint(1, steps + 1, (samples,))
    ids = torch.randint(1, 50, (samples, steps)) * (torch.arange(steps) < lengths[:, None])
    return ids, lengths


@pytest.mark.parametrize("kind", [Embedded, Attended, Listed])
def test_it_gives_what_the_network_gives_for_each_sample_alone(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    network = kind()
    program = with_own_operators(traced(network, inputs(2, 5))).module()
    for samples, steps in ((1, 1), (3, 7), (4, 30)):
        ids, lengths = inputs(samples, steps)
        with torch.inference_mode():
            alone = [network(ids[[number]], lengths[[number]]) for number in range(samples)]
            torch.testing.assert_close(program(ids, lengths), torch.cat(alone), atol=1e-5, rtol=1e-5)
