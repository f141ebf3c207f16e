"""State that a model carries from request to request: outputs that are inputs of the next request of a sequence.

A bundle names the output by the input, and START has what the first request of a sequence begins with.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from torchferry.nearest import did_you_mean
from torchferry.serving.bundle.tensor_spec import TensorSpec

if TYPE_CHECKING:  # a bundle looks at its state as it is read
    from torchferry.serving.bundle.bundle import Bundle

START = "state/start.npz"
"""By input the values of one sample, without the batch."""
STRINGS = "BYTES"


def wrong_state(state: Mapping[str, str], inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec]) -> str | None:
    """What is wrong with it, or None."""
    taken, given = ({spec.name: spec for spec in specs} for specs in (inputs, outputs))
    for name, output in state.items():
        for kind, word, specs in (("input", name, taken), ("output", output, given)):
            if word not in specs:
                otherwise = f"the model has {', '.join(specs)}"
                return f"there is no {kind} '{word}'{did_you_mean(word, specs, otherwise)}"
        one, other = taken[name], given[output]
        if (one.datatype, one.shape) != (other.datatype, other.shape):
            return f"the input '{name}' is {_said(one)} and the output '{output}' {_said(other)}; both have to be alike"
        if one.datatype == STRINGS:
            return f"'{name}' is {STRINGS}; a state is made of numbers"
        if -1 in one.shape[1:]:
            return f"'{name}' is {_said(one)}, and an axis behind the batch varies; a state has one size"
    if twice := [output for output in state.values() if list(state.values()).count(output) > 1]:
        return f"the output '{twice[0]}' is named for two inputs"
    if state and len(state) == len(taken):
        return "every input is named; a request has to bring at least one"
    return None


def start_of(bundle: "Bundle") -> dict[str, np.ndarray]:
    """By input what a sequence begins with, a batch of one. Raises BundleError."""
    with np.load(bundle.verified(START), allow_pickle=False) as file:
        return {name: file[name][None] for name in bundle.state}


def _said(spec: TensorSpec) -> str:
    return f"{spec.datatype} {list(spec.shape)}"
