"""Randomness that belongs to a sample: a function of (seed, epoch, sample index) and of nothing else.

So a picture is the same at any number of ranks and loader processes, and after any restart.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)


def uniforms(seed: int, epoch: int, indices: np.ndarray, draws: int) -> torch.Tensor:
    """float32 [samples, draws], each in 0..1 without 1.

    `indices` are int64 [samples]. SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) is the hash: cheap
    for whole batches, where a generator for each sample would not be.
    """
    keys = mixed(mixed(mixed(np.uint64(seed)) + np.uint64(epoch)) + indices.astype(np.uint64))
    # Sums and products are meant modulo 2**64.
    with np.errstate(over="ignore"):
        bits = mixed(keys[:, None] + GOLDEN_RATIO * np.arange(1, draws + 1, dtype=np.uint64))
    # The top 24 bits, as many as a float32 holds exactly: more could round up to 1.
    return torch.from_numpy((bits >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24))


@contextmanager
def seeded(seed: int, epoch: int, index: int) -> Iterator[None]:
    """Python's, numpy's and torch's generators as they are for this sample, and afterwards as they were."""
    key = int(mixed(mixed(mixed(np.uint64(seed)) + np.uint64(epoch)) + np.uint64(index)))
    python, legacy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        random.seed(key)
        np.random.seed(key % 2**32)
        # Not torch.manual_seed, which seeds GPUs too and leaves them so: dropout would be the same on every rank.
        torch.default_generator.manual_seed(key % 2**63)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)


class OwnRandomness:
    """Generators that begin as `seeded` has them and live on between uses, beside everybody else's."""

    def __init__(self, seed: int, epoch: int) -> None:
        with seeded(seed, epoch, 0):
            self.states = _states()

    @contextmanager
    def used(self) -> Iterator[None]:
        before = _states()
        _set_states(self.states)
        try:
            yield
        finally:
            self.states = _states()
            _set_states(before)


def _states() -> tuple[Any, Any, torch.Tensor]:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _set_states(states: tuple[Any, Any, torch.Tensor]) -> None:
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])


def mixed(value: Any) -> Any:  # a numpy.uint64, or an array of them
    with np.errstate(over="ignore"):
        value = value + GOLDEN_RATIO
        # The shifts and factors are SplitMix64's.
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return value ^ (value >> np.uint64(31))
