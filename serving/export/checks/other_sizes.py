"""Holds a variant against the checkpoint at the bounds of the axes that vary and between, which the samples that it is
judged on may not have: a graph may have taken a size of its own for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from torchferry.serving.bundle.answers import aligned
from torchferry.serving.bundle.variant import Measured
from torchferry.serving.export.checks.differences import amount, difference, scale
from torchferry.serving.export.checks.independence import SHARES
from torchferry.serving.export.checks.near_ties import near_ties
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.sizes import Arrays, Sizes, resized, tried, words
from torchferry.serving.export.variants.torch_program import reason
from torchferry.serving.session import Session
from torchferry.serving.session.runtimes import RUNTIMES

SAMPLES = 2
"""Of each size."""


@dataclass(frozen=True)
class Sized:
    sizes: Sizes
    inputs: Arrays
    outputs: Arrays
    """The checkpoint's."""
    ties: Mapping[str, np.ndarray]
    """Near ties, of outputs of whole numbers and truth values."""


class OtherSizes:
    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self.calls = [_sized(reference, sizes) for sizes in tried(reference.inputs)]

    def refusal(self, session: Session, variant: str, measured: Measured) -> str | None:
        """Why it may not be served, or None. It may be as far off as it is for the samples that it was `measured` on,
        twice over."""
        share = SHARES[RUNTIMES[variant].rounding]
        for call in self.calls:
            try:
                answered = session.run(call.inputs)
            except Exception as error:  # whatever a runtime makes of a size
                return f"does not compute {words(call.sizes)}: {reason(error)}"
            shapes = {name: (answered[name].shape, values.shape) for name, values in call.outputs.items()}
            if other := next((name for name, (given, wanted) in shapes.items() if given != wanted), None):
                given, wanted = map(list, shapes[other])
                return f"gives '{other}' as {given} instead of {wanted} for {words(call.sizes)}"
            answered = aligned(self.reference, answered, call.outputs)
            for name, values in call.outputs.items():
                apart = difference(values, answered[name])
                if name in call.ties:
                    apart = apart * ~call.ties[name]
                known = measured.differences.get(name) or measured.changed_shares.get(name) or 0.0
                most = share * scale(values) + 2 * known
                if not amount(apart, values) <= most:
                    by = f"differs by {amount(apart, values):.2g} from the checkpoint's for {words(call.sizes)}"
                    return f"'{name}' {by}, allowed are {most:.2g}"
        return None


def _sized(reference: Reference, sizes: Sizes) -> Sized:
    inputs = resized(reference.test.first(SAMPLES), reference.inputs, sizes)
    return Sized(sizes, inputs, reference.run(inputs), near_ties(reference, inputs))
