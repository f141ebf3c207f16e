"""An order in which the samples of a batch are of like length, so that little of it is padding."""

import numpy as np

from torchferry.errors import UserError
from torchferry.training.config.recipe import DataConfig
from torchferry.training.data.order import Order, permuted
from torchferry.training.data.source import Source, pad_of

KEY = "data.buckets"
BATCHES = 50
"""Whose samples are sorted together, where the recipe does not say how many."""


def by_length(source: Source, order: Order | None, config: DataConfig) -> Order:
    """The samples of `order`, or of a permutation, batch by batch of like length. Raises UserError for samples whose
    lengths are not known before they are read.

    It depends on seed, epoch and lengths alone, so it is the same on every rank and after any restart.
    """
    if pad_of(source.input) is None:
        raise UserError(f"{KEY}: all samples of this data.source have one size; set it to false")
    lengths = getattr(source.train, "lengths", None)
    if not isinstance(lengths, np.ndarray):
        raise UserError(f"{KEY}: this data.source does not know a sample's length before it reads it; set it to false")
    batches = BATCHES if config.buckets is True else int(config.buckets)
    drawn = order or permuted(source.train_size)

    def sorted_batches(seed: int, epoch: int) -> np.ndarray:
        samples = drawn(seed, epoch)
        whole = len(samples) - len(samples) % config.batch_size  # what is left over belongs to no batch
        random = np.random.default_rng([seed, epoch, 1])  # not the generator that drew the samples
        sizes = range(0, whole, batches * config.batch_size)
        parts = [_bucket(samples[start:whole][: sizes.step], lengths, config.batch_size, random) for start in sizes]
        return np.concatenate([*parts, samples[whole:]])

    return sorted_batches


def _bucket(samples: np.ndarray, lengths: np.ndarray, batch_size: int, random: np.random.Generator) -> np.ndarray:
    """Sorted and cut into batches; these come in any order, and so do the samples in each, so that no rank always has
    the longest."""
    batches = samples[np.argsort(lengths[samples], kind="stable")].reshape(-1, batch_size)
    return random.permuted(random.permutation(batches), axis=1).reshape(-1)
