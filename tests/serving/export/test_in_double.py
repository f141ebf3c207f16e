"""A network in float64 keeps what it computes and loses what float32 rounds, also where it says float32 itself."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.serving.export.checks.test_independence import reference_of


class SaysFloat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)

    def forward(self, row: torch.Tensor) -> torch.Tensor:
        third = torch.tensor(1 / 3, dtype=torch.float32)
        return self.layer(row.float()) * third.float()


def test_it_is_computed_in_float64_also_where_the_network_says_float32() -> None:
    reference = reference_of(SaysFloat())
    rows = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    answered = reference.in_double().run({"row": rows})["scores"]
    weight, bias = (value.detach().double().numpy() for value in reference.module.parameters())
    # A number that was float32 before, such as the third, stays what it was.
    expected = (rows.astype(np.float64) @ weight.T + bias) * np.float64(np.float32(1 / 3))
    assert answered.dtype == np.float64
    np.testing.assert_allclose(answered, expected, rtol=1e-12)


def test_what_the_network_rounds_itself_is_rounded_alike_in_every_batch() -> None:
    class Narrow(SaysFloat):
        def forward(self, row: torch.Tensor) -> torch.Tensor:
            return super().forward(row).bfloat16().float().half().float()

    rows = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    exact = reference_of(Narrow()).in_double()
    together = exact.run({"row": rows})["scores"]
    for number in range(5):
        np.testing.assert_allclose(exact.run({"row": rows[number : number + 1]})["scores"][0], together[number], 1e-12)


def test_the_reference_itself_stays_as_it_is() -> None:
    reference = reference_of(SaysFloat())
    reference.in_double().run({"row": np.ones((1, 8), np.float32)})
    assert {value.dtype for value in reference.module.parameters()} == {torch.float32}


def test_whole_numbers_stay_whole() -> None:
    words = nn.Embedding(5, 2)
    reference = reference_of(words, torch.tensor([[1, 2], [3, 4]]))
    answered = reference.in_double().run({"row": np.array([[1, 2]])})["scores"]
    assert answered == pytest.approx(words.weight.detach().double().numpy()[None, [1, 2]])
