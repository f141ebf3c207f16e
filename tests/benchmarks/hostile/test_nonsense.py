"""Malformed requests that are sent, and their answers counted."""

from collections import Counter

from tests.benchmarks.hostile.running import run_until
from tests.serving.wire import in_loop
from torchferry.benchmarks.hostile import nonsense
from torchferry.benchmarks.hostile.malformed.malformed import Malformed
from torchferry.benchmarks.hostile.started import Started


@in_loop
async def test_so_many_turns_are_so_many_answers(attacked: Started) -> None:
    where, counted, codes = attacked.where, Counter[str](), Counter[str]()
    await nonsense.requests(where, Malformed(where.valid, 0), [0] * 50, counted)
    await nonsense.messages(where, Malformed(where.valid, 0), [0] * 50, codes)
    assert counted.total() == codes.total() == 50
    assert {"400", "404"} <= set(counted)
    assert "INVALID_ARGUMENT" in codes
    await nonsense.streams(where, Malformed(where.valid, 0), [0] * 20, counted)
    assert counted.total() >= 70


@in_loop
async def test_an_attack_has_all_kinds(attacked: Started) -> None:
    counted = await run_until(nonsense.attack, attacked.where, lambda counted: len(counted) > 5)
    assert {"400", "INVALID_ARGUMENT"} <= set(counted)
