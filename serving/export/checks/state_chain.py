"""A few sequences whose state a variant carries itself: what it rounds in one request comes back in the next."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch.utils.data import TensorDataset

from torchferry.errors import UserError
from torchferry.serving.export.checks.expected import Expected
from torchferry.serving.export.checks.gate import Limits, refusal
from torchferry.serving.export.reference import Reference
from torchferry.serving.export.samples import Samples
from torchferry.serving.session import Session

SEQUENCES, STEPS = 4, 16
"""Computed together, and the requests of each."""
Arrays = Mapping[str, np.ndarray]


class StateChain:
    """The checkpoint's own sequences, by which variants are judged; none of a model without state."""

    def __init__(self, reference: Reference) -> None:
        """Raises UserError for a checkpoint whose own sequences do not stay finite."""
        self.reference = reference
        self.expected = Expected(replace(reference, test=_sequences(reference))) if reference.state else None

    def refusal(self, session: Session, limits: Limits) -> str | None:
        """Why a variant may not be served, or None."""
        if self.expected is None:
            return None
        measured = self.expected.measure(Carrying(session, self.reference.state))
        words = refusal(measured, limits)
        return words and f"in sequences of {STEPS} requests, carrying its own state: {words}"


class Carrying:
    """A session for one pass over sequences: from the second request on its own state takes the place of the given."""

    def __init__(self, session: Session, state: Mapping[str, str]) -> None:
        self.session, self.state = session, state
        self.carried: dict[str, np.ndarray] = {}

    def run(self, inputs: Arrays) -> dict[str, np.ndarray]:
        outputs = self.session.run({**inputs, **self.carried})
        self.carried = {name: outputs[output] for name, output in self.state.items()}
        return outputs


class Requests(Samples):
    """A batch has one request of each sequence."""

    def batches(self) -> Iterator[tuple[dict[str, np.ndarray], None]]:
        for step in range(STEPS):
            values = self.data[step * SEQUENCES : (step + 1) * SEQUENCES]
            yield {name: each.numpy() for name, each in zip(self.names, values, strict=True)}, None


def _sequences(reference: Reference) -> Samples:
    """The first requests of all sequences, then the second ones, with the state that the checkpoint has made."""
    samples = reference.test.repeated(SEQUENCES * STEPS)
    carried = {name: np.stack([values] * SEQUENCES) for name, values in reference.start.items()}
    steps = []
    for step in range(STEPS):
        rows = slice(step * SEQUENCES, (step + 1) * SEQUENCES)
        steps.append({name: values[rows] for name, values in samples.items()} | carried)
        outputs = reference.run(steps[-1])
        carried = {name: outputs[output] for name, output in reference.state.items()}
        for name, values in carried.items():
            if not np.isfinite(values).all():
                output = reference.state[name]
                raise UserError(f"--state: '{output}' of the model itself is not finite after {step + 1} requests of a "
                                f"sequence, each fed with it as '{name}'; is it that input's next value?")  # fmt: skip
    names = reference.test.names
    data = TensorDataset(*(torch.from_numpy(np.concatenate([each[name] for each in steps])) for name in names))
    return Requests(data, names)
