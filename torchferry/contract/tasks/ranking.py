"""The labels of one sample by their numbers, best first, in words."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from torchferry.errors import UserError

NUMBER = {"type": ["number", "null"], "description": "null where it is NaN or infinite"}


def ranked(numbers: np.ndarray, labels: Sequence[str], called: str, top_k: int) -> dict[str, Any]:
    """The best label with its number, and the `top_k` best: {"label", `called`, "top_k"}. NaN is last, and no class's:
    its label is None."""
    best = np.argsort(-numbers.astype(np.float64), kind="stable")[:top_k]
    top = [
        {"label": None if np.isnan(numbers[index]) else labels[index], called: float(numbers[index])} for index in best
    ]
    return {**top[0], "top_k": top}


def read_ranked(said: Mapping[str, Any], labels: Sequence[str], called: str) -> np.ndarray:
    """The numbers that `ranked` was given, float64 [labels]; NaN of those that it calls no class's. Raises UserError
    where it says not all of them."""
    if len(said["top_k"]) != len(labels) or len({*labels}) != len(labels):
        raise UserError(f"the answer names {len(said['top_k'])} of {len(labels)} labels; ask for the top_k of them all")
    of_label = {each["label"]: each[called] for each in said["top_k"]}
    return read_numbers([of_label.get(label) for label in labels])


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
