"""Tells a near tie from a fault, of outputs of whole numbers and truth values.

An argmax, a count or a threshold hides how near the decision was: two scores that are equal but for what float32
rounds make another class in another order of the sums, and a class that is answered wrongly looks the same. A near tie
is one that the checkpoint itself decides otherwise once its weights and inputs are changed by a little more than that.
"""

import numpy as np
import torch

from torchferry.serving.bundle.answers import aligned
from torchferry.serving.export.checks.company import Arrays
from torchferry.serving.export.perturbation import perturbed_array
from torchferry.serving.export.reference import Reference

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
    chance = torch.Generator().manual_seed(0)
    for _ in range(TRIES if found else 0):
        try:
            changed = reference.perturbed(chance)
        except Exception:  # whatever the network says to that
            return found
        try:
            answered = changed.run({name: perturbed_array(values, chance) for name, values in inputs.items()})
        except Exception:  # such as an index that is now just beyond its table
            continue
        finally:
            del changed  # which may be as large as all memory that is left
        answered = aligned(reference, answered, whole)
        for name, values in outputs.items():
            if answered[name].shape == values.shape:
                found[name] |= answered[name] != values
    return found


def excused(ties: int, elements: int) -> int:
    """How many of an output's near ties are no fault."""
    return ties if ties <= max(1, SHARE * elements) else 0
