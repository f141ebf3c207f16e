"""JSON that is not what it should be."""

import json
from random import Random

from torchferry.benchmarks.hostile.malformed.json_bodies import altered
from torchferry.benchmarks.hostile.valid import Valid


def bodies(valid: Valid, count: int = 600) -> list[bytes]:
    random = Random(1)
    right = [request.body for request in valid.requests if request.body.startswith(b"{")]
    assert len(right) >= 3
    return [altered(random, random.choice(right)) for _ in range(count)]


def test_the_same_seed_makes_the_same(valid: Valid) -> None:
    assert bodies(valid) == bodies(valid)


def test_all_kinds_are_made(valid: Valid) -> None:
    made = bodies(valid)
    kinds = {
        "no JSON": any(not is_json(body) for body in made),
        "JSON": any(is_json(body) for body in made),
        "deep": any(b"[[[[[[[[" in body for body in made),
        "not a number": any(b"NaN" in body for body in made),
        "a name twice": any(body.count(b'"inputs":') > 1 for body in made),
        "other letters": any(body.startswith(b"\xff\xfe") for body in made),
        "a number too large": any(b"1e999" in body for body in made),
    }
    assert [kind for kind, there in kinds.items() if not there] == []


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def test_what_follows_the_object_stays_where_it_is() -> None:
    random = Random(0)
    assert all(altered(random, b'{"a": [1, 2]}tail').endswith(b"tail") for _ in range(100))
