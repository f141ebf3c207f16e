"""Options that reach into the arguments of a part of the recipe: `--data.source.args.train.args.n 512`.

jsonargparse knows one key below `args`, and would put a new mapping in the place of the file's.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

import jsonargparse

from torchferry.errors import UserError

OPTION = re.compile(r"--(?P<part>[\w.]*?\bargs)\.(?P<keys>[^.=]+(?:\.[^.=]+)+)(?P<value>=.*)?", re.DOTALL)
BETWEEN = "\x1f"
"""Stands for the point between two keys while jsonargparse reads the value; nobody's key has it."""


def merged(words: Sequence[str], parser: jsonargparse.ArgumentParser) -> list[str]:
    """The words with each such option made into one that gives the whole of `args.KEY`, in the recipe's own words but
    for what the option sets. Raises UserError where a key lies below something that has no keys."""
    found = [(place, match) for place, word in enumerate(words) if (match := OPTION.fullmatch(word))]
    if not found:
        return list(words)
    joined = list(words)
    for place, match in found:
        keys = match["keys"].replace(".", BETWEEN)
        joined[place] = f"--{match['part']}.{keys}{match['value'] or ''}"
    given = parser.parse_args([word for word in joined if not word.startswith("--print_config")])
    rest = [word for place, word in enumerate(words) if place not in _places(found)]
    parts = dict.fromkeys(match["part"] for _, match in found)
    return rest + [word for part in parts for word in _whole(part, given[part])]


def _places(found: list[tuple[int, re.Match[str]]]) -> set[int]:
    """Of the options and of their values."""
    return {place for option, match in found for place in (option, option + (match["value"] is None))}


def _whole(part: str, args: dict[str, Any]) -> list[str]:
    """An option and its value for each first key."""
    result = {key: value for key, value in args.items() if BETWEEN not in key}
    firsts = {}
    for joined, value in args.items():
        if BETWEEN in joined:
            first, *keys = joined.split(BETWEEN)
            result[first] = firsts[first] = _set(result.get(first), keys, value, f"{part}.{first}")
    return [word for first, value in firsts.items() for word in (f"--{part}.{first}", json.dumps(value, default=str))]


def _set(mapping: Any, keys: Sequence[str], value: Any, where: str) -> dict[str, Any]:
    if mapping is not None and not isinstance(mapping, dict):
        raise UserError(f"{where}: is {mapping} and has no key '{keys[0]}'; give all of it")
    first, *rest = keys
    inner = _set((mapping or {}).get(first), rest, value, f"{where}.{first}") if rest else value
    return {**(mapping or {}), first: inner}
