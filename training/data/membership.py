"""The side of a split that a sample is on: a function of the split's seed and of the sample alone.

So samples with equal keys are on one side, and none changes sides when others are added.
"""

import hashlib

import numpy as np

from torchferry.training.data.seeding import mixed


def held_out(keys: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """bool [samples]: true for those that belong to the test set, about `fraction` of them, in each class as well.

    `keys` are uint64 [samples], hashes of what the samples hold.
    """
    return drawn(keys, seed) < fraction


def key_of(content: bytes) -> int:
    """Of what a sample holds: 64 bits."""
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), "little")


def drawn(keys: np.ndarray, seed: int) -> np.ndarray:
    """float64 [samples]: a number from 0 to below 1 for each key, evenly spread."""
    bits = mixed(mixed(np.uint64(seed)) + keys)
    # 53 of them, as many as a float64 holds exactly.
    return (bits >> np.uint64(11)).astype(np.float64) / float(1 << 53)
