"""The tensors of a file as a network's: of the same shape and kind, in its type, and finite."""

from collections.abc import Mapping

import torch

from torchferry.errors import UserError


def fitted(name: str, saved: torch.Tensor, own: torch.Tensor, source: str) -> torch.Tensor:
    """`saved` in the type of `own`. Raises UserError for another shape, for integers instead of floats or the other
    way round, and for values that are not finite."""
    where = f"weights.source: {source}"
    if saved.shape != own.shape:
        shapes = f"{list(saved.shape)}, the model's is {list(own.shape)}"
        raise UserError(f"{where} is for another model: its {name} is {shapes}")
    if _kind(saved) != _kind(own) or saved.layout != own.layout:
        raise UserError(f"{where}: its {name} is {in_words(saved)}, the model's is {in_words(own)}")
    value = saved.detach().to(own.dtype)
    if _kind(own) == "integer" and not torch.equal(value.to(saved.dtype), saved):
        raise UserError(f"{where}: its {name} has values that {in_words(own)} cannot hold")
    # Masks have infinities, and then so has the network that has just been built.
    broken = (~value.isfinite() & own.isfinite()).sum().item()
    if broken:
        raise UserError(f"{where}: its {name} has {broken:,} of {value.numel():,} values that are not finite")
    return value


def check_ties(values: Mapping[str, torch.Tensor], ties: Mapping[str, list[str]], source: str) -> None:
    """Raises UserError where the network has one tensor for several names, and the file different ones."""
    for name, value in values.items():
        for other in ties[name]:
            if other in values and not torch.equal(value, values[other]):
                raise UserError(
                    f"weights.source: {source}: the model shares one tensor between {ties[name][0]} and {other}, "
                    "but the file has two that differ"
                )


def converted(saved: Mapping[str, torch.Tensor], own: Mapping[str, torch.Tensor]) -> list[str]:
    """Which types become which, in words."""
    pairs = dict.fromkeys((in_words(value), in_words(own[name])) for name, value in saved.items())
    return [f"{theirs} becomes {ours}" for theirs, ours in pairs if theirs != ours]


def in_words(tensor: torch.Tensor) -> str:
    layout = "" if tensor.layout == torch.strided else f" ({tensor.layout})"
    return str(tensor.dtype).removeprefix("torch.") + layout


def _kind(tensor: torch.Tensor) -> str:
    if tensor.dtype == torch.bool or tensor.is_quantized:
        return str(tensor.dtype)
    if tensor.is_complex():
        return "complex"
    return "float" if tensor.is_floating_point() else "integer"
