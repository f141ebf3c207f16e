"""Weights and inputs changed by a little more than float32 rounds, up or down by chance."""

import numpy as np
import torch
from torch import nn

CHANGE = 1e-5
"""Of each number. Float32 rounds 6e-8 of it; a sum of thousands in another order, layer upon layer, is off by a
millionth. What is kept in fewer bits is changed by its last."""


@torch.no_grad()
def perturb(module: nn.Module, chance: torch.Generator) -> None:
    """Its parameters and buffers, in place."""
    for values in (*module.parameters(), *module.buffers()):
        if values.is_floating_point():
            values.copy_(perturbed(values, chance))


def perturbed(values: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
    """Whole numbers stay: they are exact, and may be ids, of which a little less is another one."""
    signs = torch.randint(0, 2, values.shape, generator=chance, dtype=torch.int8) * 2 - 1
    change = max(CHANGE, torch.finfo(values.dtype).eps)
    changed = values * (1 + change * signs).to(values.dtype)
    return torch.where(values == values.round(), values, changed)


def perturbed_array(values: np.ndarray, chance: torch.Generator) -> np.ndarray:
    """A new one of floating-point numbers; others stay as they are."""
    if values.dtype.kind != "f":
        return values
    # Torch warns of what cannot be written to.
    return perturbed(torch.from_numpy(np.require(values, requirements="W")), chance).numpy()
