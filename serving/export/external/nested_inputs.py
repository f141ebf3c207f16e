"""An argument of forward that is a dict or a list of tensors, from inputs whose names have dots.

`batch.input_ids` and `batch.mask` are a dict with these keys in the argument `batch`; `maps.0` and `maps.1` are a list.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torchferry.errors import UserError


@dataclass(frozen=True)
class Place:
    """Of the input of this number, from 0."""

    number: int


def nested(names: Sequence[str]) -> dict[str, Any]:
    """By the first words of `names`, a Place, or a dict or list of more of them. Raises UserError for an argument that
    would be both a tensor and a dict, and for a list with gaps."""
    root: dict[str, Any] = {}
    for number, name in enumerate(names):
        *way, last = name.split(".")
        into = root
        for word in way:
            into = into.setdefault(word, {})
            if isinstance(into, Place):
                raise _both(names[into.number], name)
        if last in into:
            raise _both(name, next(other for other in names if other.startswith(f"{name}.")))
        into[last] = Place(number)
    return {word: _listed(value, word) for word, value in root.items()}


def filled(value: Any, tensors: Sequence[Any]) -> Any:
    """The same with tensors for their places."""
    if isinstance(value, Place):
        return tensors[value.number]
    if isinstance(value, dict):
        return {key: filled(inner, tensors) for key, inner in value.items()}
    return [filled(inner, tensors) for inner in value] if isinstance(value, list) else value


def _listed(value: Any, where: str) -> Any:
    """Dicts whose keys are all numbers as lists."""
    if isinstance(value, Place):
        return value
    inner = {key: _listed(each, f"{where}.{key}") for key, each in value.items()}
    if not all(key.isdecimal() for key in inner):
        return inner
    places = sorted(inner, key=int)
    if places != [str(number) for number in range(len(places))]:
        raise UserError(f"--input: {where} has the places {', '.join(places)}; a list's are 0, 1 and so on")
    return [inner[place] for place in places]


def _both(tensor: str, within: str) -> UserError:
    return UserError(f"--input: '{tensor}' is given as a tensor, and '{within}' as a part of it; give one or the other")
