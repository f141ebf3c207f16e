"""Tells a near tie from a fault, of outputs of whole numbers and truth values.

An argmax, a count or a threshold hides how near the decision was: two scores that are equal but for what float32
rounds make another class in another order of the sums, and a class that is answered wrongly looks the same. A near tie
is one that the checkpoint itself decides otherwise once its weights and inputs are changed by a little more than that.
"""

import copy
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from torchferry.serving.bundle.answers import aligned
from torchferry.serving.export.checks.company import Arrays
from torchferry.serving.export.reference import Reference

CHANGE = 1e-5
"""Of each weight and each floating-point input, up or down by chance. Float32 rounds 6e-8 of a number; a sum of
thousands in another order, layer upon layer, is off by a millionth. What is kept in fewer bits is changed by its last.
"""
TRIES = 8
"""A tie that rounding can decide is decided otherwise by each try with a chance of about a half."""
SHARE = 0.1
"""Near ties may be this share of an output's elements, and one in any case. What has more cannot be compared."""


def near_ties(reference: Reference, inputs: Arrays) -> dict[str, np.ndarray]:
    """Which elements of the outputs of whole numbers and truth values, by output, are near ties for these samples; none
    where the network cannot be copied."""
    inputs = {name: values.copy() for name, values in inputs.items()}  # torch warns of what cannot be written to
    whole = reference.run(inputs)
    outputs = {name: values for name, values in whole.items() if values.dtype.kind != "f"}
    found = {name: np.zeros(values.shape, bool) for name, values in outputs.items()}
    try:
        module = copy.deepcopy(reference.module)
    except Exception:  # whatever the network says to that
        return found
    changed, chance = replace(reference, module=module), torch.Generator().manual_seed(0)
    for _ in range(TRIES if found else 0):
        _change(module, reference.module, chance)
        try:
            answered = changed.run({name: _changed(values, chance) for name, values in inputs.items()})
        except Exception:  # such as an index that is now just beyond its table
            continue
        answered = aligned(reference, answered, whole)
        for name, values in outputs.items():
            if answered[name].shape == values.shape:
                found[name] |= answered[name] != values
    return found


def excused(ties: int, elements: int) -> int:
    """How many of an output's near ties are no fault."""
    return ties if ties <= max(1, SHARE * elements) else 0


@torch.no_grad()
def _change(module: nn.Module, original: nn.Module, chance: torch.Generator) -> None:
    """Parameters and buffers become the original's, changed."""
    for own, other in (
        *zip(module.parameters(), original.parameters(), strict=True),
        *zip(module.buffers(), original.buffers(), strict=True),
    ):
        own.copy_(_up_or_down(other, chance) if other.is_floating_point() else other)


def _changed(values: np.ndarray, chance: torch.Generator) -> np.ndarray:
    return _up_or_down(torch.from_numpy(values), chance).numpy() if values.dtype.kind == "f" else values


def _up_or_down(values: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Whole numbers stay: they are exact, and may be ids, of which a little less is another one."""
    signs = torch.randint(0, 2, values.shape, generator=chance) * 2 - 1
    change = max(CHANGE, torch.finfo(values.dtype).eps)
    changed = values * (1 + change * signs).to(values.dtype)
    return torch.where(values == values.round(), values, changed)
