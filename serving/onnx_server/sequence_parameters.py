"""The parameters by which a request is one of a sequence, as Triton's sequence extension has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torchferry.serving.errors import WrongParameter

ID, START, END = SEQUENCE = ("sequence_id", "sequence_start", "sequence_end")
LONGEST = 128
"""Letters of an id: it is kept with the state."""


@dataclass(frozen=True, slots=True)
class InSequence:
    id: int | str
    """The client's own word for it: a number other than 0, or a text that is not empty."""
    start: bool = False
    """Whether it is the first request, which begins with what the model does."""
    end: bool = False
    """Whether nothing is kept behind it."""


def read_sequence(given: Mapping[str, Any]) -> InSequence | None:
    """None for a request that is of none, as 0 and an empty text say. Raises WrongParameter."""
    if given.keys().isdisjoint(SEQUENCE):  # nearly always
        return None
    start, end = (_flag(given, name) for name in (START, END))
    asked = given.get(ID)
    if asked is None or (not asked and type(asked) in (int, str)):
        if said := [name for name, flag in ((START, start), (END, end)) if flag]:
            raise WrongParameter(f"{said[0]} is true without a {ID}; give a number other than 0, or a text")
        return None
    if type(asked) not in (int, str):  # nor True, which is a number elsewhere
        raise WrongParameter(f"{ID} is {asked!r}; give a whole number or a text")
    if isinstance(asked, str) and len(asked) > LONGEST:
        raise WrongParameter(f"{ID} has {len(asked):,} letters; {LONGEST} are taken")
    return InSequence(asked, start, end)


def _flag(given: Mapping[str, Any], name: str) -> bool:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise WrongParameter(f"{name} is {value!r}; give true or false")
    return bool(value)
