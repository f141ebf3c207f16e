"""When requests are to be sent, decided before the first one is."""

import numpy as np


def poisson(rate: float, seconds: float, seed: int = 0) -> np.ndarray:
    """Times in seconds from the start, float64: independent arrivals, `rate` a second on average."""
    gaps = np.random.default_rng(seed).exponential(1 / rate, size=max(1, round(rate * seconds)))
    return np.cumsum(gaps)


def constant(rate: float, seconds: float) -> np.ndarray:
    """Times in seconds from the start, float64: one each 1 / rate."""
    return np.arange(max(1, round(rate * seconds))) / rate


ARRIVALS = {"poisson": poisson, "constant": constant}
