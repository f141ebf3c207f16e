"""The times at which requests are to be sent, drawn before the first one is."""

import numpy as np


def poisson(rate: float, seconds: float, seed: int = 0) -> np.ndarray:
    """Times in seconds from the start, float64: independent arrivals, `rate` a second.

    Uniform and sorted, which is what a Poisson process is once its number of arrivals is given; so two runs
    offer the same load.
    """
    return np.sort(np.random.default_rng(seed).uniform(0, seconds, size=max(1, round(rate * seconds))))


def constant(rate: float, seconds: float) -> np.ndarray:
    """Times in seconds from the start, float64: one each 1 / rate."""
    return np.arange(max(1, round(rate * seconds))) / rate


ARRIVALS = {"poisson": poisson, "constant": constant}
