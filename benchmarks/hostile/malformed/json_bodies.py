"""JSON that is not what it should be: values, types, shapes, nesting, names, numbers and letters."""

import base64
import copy
import json
import re
from collections.abc import Iterator
from random import Random
from typing import Any

from torchferry.benchmarks.hostile.malformed import files

ODD: tuple[Any, ...] = (None, True, -1, 0, 2**31, 2**64, 10**30, 0.5, 1e308, -0.0)
ODD += (
    float("nan"),
    float("inf"),
    "",
    "NaN",
    "\x00",
    "é" * 300,
    "\ud800",
    [],
    [[]],
    {},
    {"b64": "!"},
    {"b64": 1},
    [1] * 99,
)
NUMBERS = (
    b"1e999",
    b"-1e999",
    b"9" * 5000,
    b"0x10",
    b"01",
    b"1.",
    b"+1",
    b".5",
    b"-",
    b"NaN",
    b"-Infinity",
    b"1e-99999",
)
DEEPEST = 3000
FILE = re.compile(rb'(?<="b64": ")[^"]+')


def altered(random: Random, body: bytes) -> bytes:
    """`body` begins with an object of JSON; what follows it stays where it is."""
    given, end = json.JSONDecoder().raw_decode(body.decode("latin-1"))
    text, rest = body[:end], body[end:]
    match random.randrange(10):
        case 0:
            return text + random.choice((b"{}", b"x", b"\x00", b"\xff", text)) + rest
        case 1:
            return _nested(random) + rest
        case 2:
            return _other_letters(random, text) + rest
        case 3:
            return _with_number(random, text) + rest
        case 4:
            return _with_name_twice(random, text) + rest
        case 5:
            return FILE.sub(lambda file: _altered_file(random, file[0]), text) + rest
    for _ in range(random.randrange(1, 3)):
        places = list(_places(given))
        if not places:
            break
        parent, key = random.choice(places)
        if isinstance(parent, dict) and random.random() < 0.3:
            parent[random.choice(("", "x", "name", "data", "shape", "é" * 99))] = parent.pop(key)
        else:
            parent[key] = copy.deepcopy(random.choice(ODD))
    return json.dumps(given).encode() + rest


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Where something stands in nested lists and objects; of long lists only the beginning."""
    pairs = (
        list(value.items())
        if isinstance(value, dict)
        else list(enumerate(value[:4]))
        if isinstance(value, list)
        else []
    )
    for key, inner in pairs:
        yield value, key
        yield from _places(inner)


def _nested(random: Random) -> bytes:
    depth = random.randrange(1, DEEPEST)
    left, right = random.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"[[],", b"]"), (b"[", b"")))
    deep = left * depth + b"1" + right * depth
    return random.choice((deep, b'{"inputs": ' + deep + b"}", b'{"instances": ' + deep + b"}"))


def _other_letters(random: Random, text: bytes) -> bytes:
    return random.choice(
        (
            b"\xef\xbb\xbf" + text,
            text.decode("latin-1").encode("utf-16"),
            text.decode("latin-1").encode("utf-32-le"),
            text.replace(b'"', b"'"),
            text.replace(b'"', b'"\xff', 1),
            text.replace(b'"', b'"\\ud800', 1),
            text.replace(b":", b": /* */", 1),
            text.replace(b"}", b",}"),
        )
    )


def _with_number(random: Random, text: bytes) -> bytes:
    digits = [place for place, letter in enumerate(text) if letter in b"0123456789"]
    if not digits:
        return text[:-1]
    place = random.choice(digits)
    return text[:place] + random.choice(NUMBERS) + text[place + 1 :]


def _with_name_twice(random: Random, text: bytes) -> bytes:
    name = random.choice((b"inputs", b"instances", b"name", b"shape", b"data", b"parameters"))
    value = random.choice((b"[]", b"1", b'"x"', b"{}", b"null"))
    opening = [place + 1 for place, letter in enumerate(text) if letter in b"{"]
    place = random.choice(opening)
    return text[:place] + b'"' + name + b'": ' + value + b", " + text[place:]


def _altered_file(random: Random, encoded: bytes) -> bytes:
    if random.random() < 0.2:
        return files.altered(random, encoded).replace(b'"', b"")
    return base64.b64encode(files.altered(random, base64.b64decode(encoded)))
