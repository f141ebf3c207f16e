"""Flattens what a network gives into one list of tensors: dicts, tuples, lists and dataclasses, in each other."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

ALONE = "output_0"
"""What is called so is all that the network gives."""


Path = tuple[Any, ...]
"""The keys, fields and places that lead to a member, such as ("hidden_states", 3)."""


def flattened(given: Any) -> dict[Path, Any]:
    """Each member that is no container, by the way to it.

    None is a member as well. A tensor alone is at ().
    """
    return dict(_leaves(given, ()))


def name_of(path: Path) -> str:
    """`boxes`, `aux.logits`, `hidden_states.3`, and `output_1` of a tuple."""
    if not path:
        return ALONE
    first, *rest = map(str, path)
    return ".".join([f"output_{first}" if first.isdecimal() else first, *rest])


def _leaves(given: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    members = _members(given)
    if members is None:
        yield path, given
        return
    for key, value in members:
        yield from _leaves(value, (*path, key))


def _members(given: Any) -> Iterable[tuple[Any, Any]] | None:
    """Of a container by key, field or place; None of anything else."""
    if isinstance(given, Mapping):  # first: transformers' outputs are dicts and dataclasses, and hide what is None
        return given.items()
    if dataclasses.is_dataclass(given) and not isinstance(given, type):
        return [(field.name, getattr(given, field.name)) for field in dataclasses.fields(given)]
    if isinstance(given, tuple):  # a named tuple's class, and that of what torch.max gives, says its fields
        return zip(getattr(type(given), "__match_args__", None) or range(len(given)), given, strict=True)
    return enumerate(given) if isinstance(given, list) else None
