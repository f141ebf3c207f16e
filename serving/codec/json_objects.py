"""JSON objects of requests: no name twice, and none that nobody reads. Either would drop what a client has sent."""

from collections import Counter
from collections.abc import Mapping, Set
from typing import Any

from torchferry.errors import some
from torchferry.nearest import did_you_mean
from torchferry.serving.errors import TooLarge, WrongParameter, WrongTensor

MAX_CONTAINERS = 2**20


def check_containers(text: bytes) -> None:
    """Raises TooLarge for JSON of more lists and objects, or of more members, than are read: `[],` has three bytes, and
    what is made of it 64. Those that stand in a text count as well."""
    if text.count(b"[") + text.count(b"{") > MAX_CONTAINERS or text.count(b":") > MAX_CONTAINERS:
        raise TooLarge(f"the JSON has more than {MAX_CONTAINERS:,} lists and objects, or so many members")


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose names are different ones, for json.loads. Raises WrongTensor: which value is meant?"""
    content = dict(pairs)
    if len(content) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
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
