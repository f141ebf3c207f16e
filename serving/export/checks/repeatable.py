"""Checks that two equal calls are answered alike; if not, the network is random in evaluation, or keeps something."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch

from torchferry.errors import UserError
from torchferry.serving.export.checks.differences import amount, difference, scale
from torchferry.serving.export.reference import Reference

SAME = 1e-6
"""Of the output's largest value; equal calls have equal sums, in equal order."""

Run = Callable[[], dict[str, np.ndarray]]
"""A call with the same samples each time."""


def check_repeatable(reference: Reference, run: Run) -> Callable[[], None]:
    """Raises UserError for a network that answers two calls of `run`, which runs it, differently. What it returns is to
    be called after many other calls, and raises UserError for a network that they have changed."""
    first = _seeded(run, 0)
    if found := _apart(first, _seeded(run, 1)):
        # With equal random numbers only what is kept from call to call is left.
        kept = reference.keeps and _apart(_seeded(run, 0), _seeded(run, 0))
        raise UserError(_kept(reference, run, kept) if kept else _random(reference, found))

    def check_unchanged() -> None:
        if found := _apart(first, _seeded(run, 0)):
            raise UserError(_kept(reference, run, found) if reference.keeps else _random(reference, found))

    return check_unchanged


def _apart(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> str:
    """What differs and by how much, or nothing."""
    for name, values in first.items():
        apart = difference(values, second[name])
        if (apart > SAME * scale(values)).any():
            by = f"{amount(apart, values):.2g}" if values.dtype.kind == "f" else f"{amount(apart, values):.2%}"
            return f"by {by} in '{name}'"
    return ""


def _random(reference: Reference, found: str) -> str:
    return f"model: is random in evaluation: two equal calls differ {found}; {reference.way_from_chance}"


def _kept(reference: Reference, run: Run, found: str) -> str:
    before = {name: values.clone() for name, values in reference.module.named_buffers()}
    _seeded(run, 0)
    changed = [
        name.removeprefix("model.").removeprefix("network.")
        for name, values in reference.module.named_buffers()
        if name in before and not torch.equal(values, before[name])
    ]
    what = f"its buffer '{changed[0]}'" if changed else "something of its own"
    return (
        f"model: keeps {what} from one call to the next: two equal calls differ {found}; in evaluation an answer may "
        "depend on nothing but its request"
    )


def _seeded(run: Run, seed: int) -> dict[str, np.ndarray]:
    with _random_numbers(seed):
        return run()


@contextmanager
def _random_numbers(seed: int) -> Iterator[None]:
    """Of torch, numpy and Python; afterwards they go on as before."""
    numpys, pythons = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        np.random.seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpys)
            random.setstate(pythons)
