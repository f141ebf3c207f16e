"""Long works take turns with each other and with everything else in the loop, and end with the wish for them."""

import asyncio
import itertools
import time
from collections.abc import Iterator

import pytest

from tests.serving.wire import in_loop
from torchferry.serving.onnx_server.turns import SECONDS, Turns


def pieces(name: str, seen: list[str], count: int = 3) -> Iterator[str]:
    """Each of which takes a whole slice."""
    for number in range(count):
        time.sleep(SECONDS)
        seen.append(name)
        yield f"{name}{number}"


@in_loop
async def test_all_that_a_work_gives_comes_in_its_order() -> None:
    turns = Turns()
    assert await turns.take(iter("abc")) == ["a", "b", "c"]
    assert await turns.take(iter("")) == []
    assert await turns.take(pieces("x", [])) == ["x0", "x1", "x2"]


@in_loop
async def test_between_two_slices_the_loop_does_other_things() -> None:
    seen: list[str] = []
    work = Turns().take(pieces("x", seen))
    for _ in range(3):
        asyncio.get_running_loop().call_soon(seen.append, "other")
        await asyncio.sleep(0)
    await work
    assert seen == ["x", "other", "x", "other", "x", "other"]


@in_loop
async def test_in_one_round_of_the_loop_one_work_has_one_slice() -> None:
    turns = Turns()
    seen: list[str] = []
    both = asyncio.gather(turns.take(pieces("a", seen)), turns.take(pieces("b", seen)))
    asyncio.get_running_loop().call_soon(seen.append, "next round")
    await asyncio.sleep(0)
    assert [*await both] == [["a0", "a1", "a2"], ["b0", "b1", "b2"]]
    assert seen == ["a", "next round", "b", "a", "b", "a", "b"]


@in_loop
async def test_a_work_that_fails_says_so_and_leaves_the_others_alone() -> None:
    turns = Turns()
    failing, other = turns.take(1 // number for number in (1, 0)), turns.take(iter("ab"))
    assert await other == ["a", "b"]
    with pytest.raises(ZeroDivisionError):
        await failing


@in_loop
async def test_what_nobody_wants_any_more_ends() -> None:
    turns = Turns()
    endless = turns.take(itertools.repeat("a"))
    await asyncio.sleep(0)
    endless.cancel()
    assert await turns.take(iter("b")) == ["b"]
    assert not turns.works
