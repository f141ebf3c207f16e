"""A network that ids do not fit, or that sees padding, is refused before a step is taken."""

from typing import Any

import pytest
import torch
from torch import nn

from tests.training import tiny
from tests.training.data.sources import refusal
from torchferry.training.config.instantiate import Component
from torchferry.training.models.normalized import Normalized
from torchferry.training.models.text_nets import EmbeddingBag, TextTransformer
from torchferry.training.trainer.check_lengths import check_lengths

INPUT: Any = tiny.texts().input


class Leaks(EmbeddingBag):
    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return super().forward(ids, torch.ones_like(mask))


class PerToken(nn.Module):
    """As long as its batch, which is cut where it is used."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.Embedding(9, 2)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.rows(ids) * mask.unsqueeze(-1)


@pytest.mark.parametrize("network", [EmbeddingBag(9, 2), TextTransformer(9, 2, 12, 8), PerToken()])
def test_what_fits_passes(network: nn.Module) -> None:
    check_lengths(Normalized(network, INPUT), INPUT)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (
            EmbeddingBag(8, 2),
            "model: tokens has 8 rows and is asked for row 8; the tokenizer has 9 ids, and a text up ",
        ),
        (TextTransformer(9, 2, 11, 8), "model: places has 11 rows and is asked for row 11; the tokenizer has 9 ids"),
        (Leaks(9, 2), "model: answers a sample of length 1 otherwise once it is padded to 8 (by "),
    ],
)
def test_what_does_not_fit_is_refused(network: nn.Module, words: str) -> None:
    assert refusal(lambda: check_lengths(Normalized(network, INPUT), INPUT)).startswith(words)


def test_it_is_asked_before_a_run_begins() -> None:
    args = {"rows": 5, "classes": 2}
    words = "model: tokens has 5 rows and is asked for row 8"
    assert refusal(lambda: tiny.build("texts", model=Component(name="embedding_bag", args=args))).startswith(words)
