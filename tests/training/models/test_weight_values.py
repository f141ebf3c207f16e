"""Tensors of a file become the network's type, or are refused by their name."""

import pytest
import torch

from torchferry.errors import UserError
from torchferry.training.models.weight_values import check_ties, converted, fitted, in_words

FLOATS = torch.tensor([1.0, 2.5])
INFINITE = torch.tensor([1.0, -torch.inf])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_floats_become_the_networks(dtype: torch.dtype) -> None:
    value = fitted("a", FLOATS.to(dtype), FLOATS, "w")
    assert value.dtype == torch.float32
    assert torch.equal(value, FLOATS)


def test_whole_numbers_become_the_networks_where_it_can_hold_them() -> None:
    assert fitted("a", torch.tensor([7], dtype=torch.int32), torch.tensor([0]), "w").tolist() == [7]
    with pytest.raises(UserError, match="its a has values that int8 cannot hold"):
        fitted("a", torch.tensor([300]), torch.tensor([0], dtype=torch.int8), "w")


@pytest.mark.parametrize(
    ("saved", "own", "words"),
    [
        (torch.ones(3), FLOATS, r"w is for another model: its a is \[3\], the model's is \[2\]"),
        (torch.tensor([1, 2]), FLOATS, "w: its a is int64, the model's is float32"),
        (FLOATS, torch.tensor([1, 2]), "its a is float32, the model's is int64"),
        (torch.tensor([True, False]), torch.tensor([1, 2]), "its a is bool, the model's is int64"),
        (FLOATS + 1j, FLOATS, "its a is complex64, the model's is float32"),
        (FLOATS.to_sparse(), FLOATS, r"its a is float32 \(torch.sparse_coo\), the model's is float32$"),
        (INFINITE, FLOATS, "its a has 1 of 2 values that are not finite"),
        (FLOATS * torch.nan, FLOATS, "its a has 2 of 2 values that are not finite"),
        (FLOATS.double() * 1e300, FLOATS, "its a has 2 of 2 values that are not finite"),
        (FLOATS * 1e6, FLOATS.half(), "its a has 2 of 2 values that are not finite"),
    ],
)
def test_what_does_not_fit_is_refused(saved: torch.Tensor, own: torch.Tensor, words: str) -> None:
    with pytest.raises(UserError, match=f"^weights.source: .*{words}"):
        fitted("a", saved, own, "w")


def test_a_mask_may_have_the_infinities_that_the_network_has() -> None:
    assert torch.equal(fitted("mask", INFINITE, INFINITE, "w"), INFINITE)


def test_shared_tensors_have_to_be_the_same() -> None:
    ties = {"a": ["a", "b"], "b": ["a", "b"]}
    check_ties({"a": FLOATS, "b": FLOATS.clone()}, ties, "w")
    check_ties({"b": FLOATS}, ties, "w")
    with pytest.raises(
        UserError, match="the model shares one tensor between a and b, but the file has two that differ"
    ):
        check_ties({"a": FLOATS, "b": FLOATS + 1}, ties, "w")


def test_conversions_are_named_once() -> None:
    own = {"a": FLOATS, "b": FLOATS, "c": torch.ones(1, dtype=torch.int64)}
    saved = {"a": FLOATS.half(), "b": FLOATS.half(), "c": torch.ones(1, dtype=torch.int64)}
    assert converted(saved, own) == ["float16 becomes float32"]
    assert converted(own, own) == []
    assert in_words(FLOATS.bfloat16()) == "bfloat16"
