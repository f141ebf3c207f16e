"""A variant loaded and ready to run; each runtime is imported only when one of its variants is opened."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from torchferry.errors import UserError
from torchferry.serving.bundle.answers import aligned
from torchferry.serving.bundle.bundle import Bundle
from torchferry.serving.errors import BundleError
from torchferry.serving.session.capped_session import capped
from torchferry.serving.session.runtimes import RUNTIMES

ROUNDED = 1e-3
"""For being computed in another batch, answers may differ by this share of the largest golden output; of whole
numbers so many may."""
Rows = np.ndarray | slice
"""Which of the golden samples."""
Golden = tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]
"""Inputs, and outputs for them."""


class Session(Protocol):
    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Outputs by name for inputs by name; the first axis of each is the batch."""


def open_session(
    variant: str, path: Path, inputs: list[str], outputs: list[str], threads: int, **given: Any
) -> Session:
    """Load the file of a variant to compute on `threads` cores. `given`: what else its session takes. Raises UserError
    where its runtime is not installed."""
    if (runtime := RUNTIMES.get(variant)) is None:
        raise UserError(f"{path}: nothing here runs '{variant}'; known are {', '.join(RUNTIMES)}")
    if runtime.lacks:
        raise UserError(f"{path}: {runtime.lacks}")
    module, name = runtime.session.split(":")
    return getattr(importlib.import_module(module), name)(path, inputs, outputs, threads, **given)


def open_variant(bundle: Bundle, variant: str, threads: int) -> Session:
    """Load an accepted variant whose file is the one that was exported, and which computes no more samples together
    than the bundle allows. Raises UserError."""
    if variant not in bundle.accepted:
        raise UserError(f"{bundle.root}: has no accepted variant '{variant}', only {', '.join(bundle.accepted)}")
    inputs, outputs = ([tensor.name for tensor in tensors] for tensors in (bundle.inputs, bundle.outputs))
    session = open_session(variant, bundle.variant_file(variant), inputs, outputs, threads)
    return capped(session, bundle.max_batch)


def check_golden(session: Session, bundle: Bundle, variant: str) -> None:
    """Raise BundleError unless the session gives the golden outputs for the golden inputs: for all of one size
    together, in another order, and for each alone."""
    for golden in bundle.goldens():
        samples = len(next(iter(golden[0].values())))
        calls: dict[str, Rows] = {"": slice(None)}
        if samples > 1 and bundle.has_batch_axis:
            calls["in another order"] = np.arange(samples)[::-1]
            calls |= {f"alone (sample {sample})": np.array([sample]) for sample in range(samples)}
        _check(session, bundle, variant, golden, calls)


def check_golden_together(session: Session, bundle: Bundle, variant: str) -> None:
    """By one call, of a session that `check_golden` was satisfied with."""
    _check(session, bundle, variant, bundle.golden(), {"": slice(None)})


def _check(session: Session, bundle: Bundle, variant: str, golden: Golden, calls: Mapping[str, Rows]) -> None:
    """`calls`: the golden samples that are asked together, by how."""
    inputs, expected = golden
    judge = bundle.variants[variant]
    for how, rows in calls.items():
        answered = session.run({name: np.ascontiguousarray(values[rows]) for name, values in inputs.items()})
        answered = aligned(bundle, answered, {name: values[rows] for name, values in expected.items()})
        for name, values in expected.items():
            difference = judge.difference(answered[name], values[rows])
            allowed = judge.tolerance(name, values)
            if values.dtype.kind != "f":  # a share of all golden samples' numbers, which may all be of these samples
                allowed *= len(values) / len(answered[name])
            if how:  # another batch is rounded differently, and the bundle's tolerance may be of equal ones
                allowed += ROUNDED * _scale(values)
            if not difference <= allowed:  # so that NaN fails as well
                raise BundleError(
                    f"{bundle.name} {variant}: its answer to the golden input{how and ' '}{how} differs "
                    + _words(name, difference, allowed, values)
                    + (", and all together are answered right; export it again, with --max-batch 1" if how else "")
                )


def _words(name: str, difference: float, allowed: float, values: np.ndarray) -> str:
    if values.dtype.kind == "f":
        return f"by {difference:.2g} in '{name}'; {allowed:.2g} is allowed"
    return f"in {difference:.2%} of '{name}'; {allowed:.2%} are allowed"


def _scale(values: np.ndarray) -> float:
    """The largest magnitude; 1 of whole numbers and truth values, as a share is counted."""
    return float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) if values.dtype.kind == "f" else 1.0
