"""The distance between two answers to the same samples, as one number for an output."""

import numpy as np


def difference(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Of each element, as float64: what lies between two numbers, infinity where only one of them is finite; of whole
    numbers and truth values 1 where they are not equal. One infinity for answers of different shapes."""
    if values.shape != others.shape:
        return np.array(np.inf)
    if values.dtype.kind != "f":
        return (values != others).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(values.astype(np.float64) - others)
    same = (values == others) | (np.isnan(values) & np.isnan(others))
    return np.where(same, 0.0, np.nan_to_num(apart, nan=np.inf, posinf=np.inf))


def amount(apart: np.ndarray, values: np.ndarray) -> float:
    """Of what `difference` gave for `values`: the largest, or of whole numbers and truth values the share 0..1."""
    if not apart.size:
        return 0.0
    return float(apart.max() if values.dtype.kind == "f" or not apart.shape else apart.mean())


def scales(values: np.ndarray) -> np.ndarray:
    """The largest magnitude over the samples, of each element of a sample. None of whole numbers and truth values: of
    them no difference is small."""
    if values.dtype.kind != "f":
        return np.zeros(values.shape[1:])
    return np.where(np.isfinite(values), np.abs(values.astype(np.float64)), 0.0).max(axis=0)


def scale(values: np.ndarray) -> float:
    """The largest magnitude of all; 1 of whole numbers and truth values, as `amount` counts them."""
    return float(scales(values).max(initial=0.0)) if values.dtype.kind == "f" else 1.0
