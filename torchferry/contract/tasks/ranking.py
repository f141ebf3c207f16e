"""The labels of one sample by their numbers, best first, in words."""

from collections.abc import Sequence
from typing import Any

import numpy as np

NUMBER = {"type": ["number", "null"], "description": "null where it is NaN or infinite"}


def ranked(numbers: np.ndarray, labels: Sequence[str], called: str, top_k: int) -> dict[str, Any]:
    """The best label with its number, and the `top_k` best: {"label", `called`, "top_k"}. NaN is last, and no class's:
    its label is None."""
    best = np.argsort(-numbers.astype(np.float64), kind="stable")[:top_k]
    top = [
        {"label": None if np.isnan(numbers[index]) else labels[index], called: float(numbers[index])} for index in best
    ]
    return {**top[0], "top_k": top}


def ranked_schema(labels: Sequence[str], called: str) -> dict[str, Any]:
    """JSON schema by member of what `ranked` gives."""
    known = {"enum": [*sorted({*labels}), None], "description": "null where its number is NaN"}
    one = {"label": known, called: NUMBER}
    return {**one, "top_k": {"type": "array", "items": as_object(one)}}


def read_numbers(said: Sequence[float | None]) -> np.ndarray:
    """float64 [numbers] as JSON has them: what is neither a number nor infinite is null there, and NaN here."""
    return np.array([np.nan if value is None else value for value in said], np.float64)


def as_object(members: dict[str, Any]) -> dict[str, Any]:
    """JSON schema of an object that has them all."""
    return {"type": "object", "properties": members, "required": [*members]}
