"""Tries a network on samples of unequal lengths: it has a row for each id, and padding does not change an answer."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from torchferry.errors import UserError
from torchferry.training.data.source import blank
from torchferry.training.data.varying_inputs import TextInput, VaryingInput
from torchferry.training.models.normalized import Normalized


@torch.no_grad()
def check_lengths(model: Normalized, input: VaryingInput) -> None:
    """Raises UserError for a network that ids or lengths of the input do not fit, or that sees what is padding."""
    model.eval()
    if isinstance(input, TextInput):
        with _rows_checked(model.network, input):
            model(input.made_up(1, input.most))
    batch = blank(input, 2)
    alone = model(batch[1:, : input.least])
    padded = pytree.tree_map(lambda each: each[1:], model(batch))
    if (difference := _difference(alone, padded)) > 0:
        raise UserError(
            f"model: answers a sample of length {input.least} otherwise once it is padded to {batch.shape[1]} (by "
            f"{difference:.2g}); let the network leave out what its mask says is none of the sample"
        )


@contextmanager
def _rows_checked(network: nn.Module, input: TextInput) -> Iterator[None]:
    """Raises UserError for an embedding that is asked for a row that it does not have."""

    def check(name: str, rows: int, given: Any) -> None:
        if (largest := int(given.max())) >= rows:
            raise UserError(
                f"model: {name} has {rows:,} rows and is asked for row {largest:,}; the tokenizer has "
                f"{input.rows:,} ids, and a text up to {input.most:,} tokens; see model.args"
            )

    handles = [
        module.register_forward_pre_hook(
            lambda module, given, name=name: check(name, int(module.num_embeddings), given[0])
        )
        for name, module in network.named_modules()
        if isinstance(module, nn.Embedding | nn.EmbeddingBag)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _difference(one: Any, other: Any) -> float:
    """The largest of numbers that are not the same but for rounding; 0 where all are."""
    pairs = zip(pytree.tree_leaves(one), pytree.tree_leaves(other), strict=True)
    apart = [
        float((a.double() - b.double()).abs().max())
        for a, b in pairs
        # An output that is as long as its batch is cut where it is used.
        if isinstance(a, torch.Tensor) and a.shape == b.shape and not torch.allclose(a, b, rtol=1e-3, atol=1e-4)
    ]
    return max(apart, default=0.0)
