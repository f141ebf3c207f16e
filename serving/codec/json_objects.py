"""JSON objects of requests: no name twice, and none that nobody reads. Either would drop what a client has sent."""

from collections.abc import Mapping, Set
from typing import Any

from torchferry.errors import some
from torchferry.nearest import did_you_mean
from torchferry.serving.errors import WrongParameter, WrongTensor


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names are different ones, for json.loads. Raises WrongTensor: which value is meant?"""
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise WrongTensor(f"an object has '{twice[:100]}' more than once")
    return content


def check_names_read(given: Mapping[str, Any], known: Set[str], what: str) -> None:
    """`what` is given, in words. Whatever is null, false or empty says nothing. Raises WrongParameter."""
    if given.keys() <= known:
        return
    for name, value in given.items():
        if name not in known and value not in (None, False, 0, "", [], {}):
            otherwise = f"it has {some(sorted(known)) or 'none'}"
            raise WrongParameter(f"{what} has '{name[:100]}', which is not read{did_you_mean(name, known, otherwise)}")
