"""Puts one sample's outputs into words, as JSON objects: labels, values, or an object for each output."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from torchferry.serving.bundle.bundle import Bundle


def has_words(bundle: Bundle) -> bool:
    """Whether more is known of its outputs than their numbers: what is not is answered with tensors."""
    return bundle.task != "tensors" or any(spec.labels for spec in bundle.outputs)


def sample_answer(outputs: Mapping[str, np.ndarray], bundle: Bundle, top_k: int) -> dict[str, Any]:
    """Of one sample's `outputs`, by name and without the batch: {"label", "probability", "top_k"}, or {"values"}.

    Of several outputs, of which some have labels of their own: {"outputs": {name: {"label", "score", "top_k"}}}, nested
    lists of numbers for one without. A score is the network's own number, which need not be a probability.
    """
    if bundle.task == "tensors":
        return {
            "outputs": {
                spec.name: _best(outputs[spec.name], spec.labels, "score", top_k)
                if spec.labels
                else outputs[spec.name].tolist()
                for spec in bundle.outputs
            }
        }
    given = outputs[bundle.outputs[0].name]
    if bundle.task == "regression":
        return {"values": dict(zip(bundle.labels, map(float, given), strict=True))}
    probabilities = np.array([1 - given[0], given[0]]) if bundle.task == "binary" else given
    return _best(probabilities, bundle.labels, "probability", top_k)


def _best(numbers: np.ndarray, labels: Sequence[str], called: str, top_k: int) -> dict[str, Any]:
    """The best label with its number, and the `top_k` best. NaN is last, and no class's: its label is None."""
    best = np.argsort(-numbers.astype(np.float64), kind="stable")[:top_k]
    top = [
        {"label": None if np.isnan(numbers[index]) else labels[index], called: float(numbers[index])} for index in best
    ]
    return {**top[0], "top_k": top}
