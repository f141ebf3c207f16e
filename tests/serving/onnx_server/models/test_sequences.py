"""Kept sequences: whose they are, in which order, how many, for how long, and what they begin with."""

import asyncio
from collections import Counter
from typing import Any

import numpy as np
import pytest

from tests.serving.onnx_server.models.held import until
from tests.serving.stateful import INPUTS, OUTPUTS, STATE
from tests.serving.tiny_bundle import described
from tests.serving.wire import in_loop
from torchferry.serving.errors import Overloaded, UnknownSequence, WrongParameter, WrongTensor
from torchferry.serving.onnx_server.models.sequences import REMEMBERED, Sequences, Step
from torchferry.serving.onnx_server.sequence_parameters import InSequence

ZEROS = {"total": np.zeros((1, 2), np.float32)}


def made(most: int = 2, seconds: float = 60, state: Any = STATE) -> tuple[Sequences, Counter[str]]:
    """And why some have ended."""
    ended: Counter[str] = Counter()
    bundle = described(task="tensors", labels=(), inputs=INPUTS, outputs=OUTPUTS, state=state)
    return Sequences("adding", bundle, ZEROS, most, seconds, lambda reason: ended.update([reason])), ended


def outputs(value: float) -> dict[str, np.ndarray]:
    return {spec.name: np.full((1, 2), value, np.float32) for spec in OUTPUTS}


def entered(sequences: Sequences, word: int | str, owner: str = "", **flags: bool) -> Step:
    return sequences.enter(owner, InSequence(word, **flags))


def answer(sequences: Sequences, step: Step, value: float = 1.0) -> None:
    sequences.computed(step, outputs(value))
    sequences.leave(step, is_answered=True)


def asked_with(sequences: Sequences, step: Step) -> float:
    """The state that it would be computed with."""
    given = sequences.inputs(step, {"x": np.ones((1, 2), np.float32)})
    assert list(given) == ["x", "total"]
    return float(given["total"][0, 0])


def begun(sequences: Sequences, word: int | str, owner: str = "", value: float = 1.0) -> None:
    answer(sequences, entered(sequences, word, owner, start=True), value)


@in_loop
async def test_a_request_begins_where_the_one_before_ended() -> None:
    sequences, ended = made()
    first = entered(sequences, 1, start=True)
    assert asked_with(sequences, first) == 0
    answer(sequences, first, 7)
    second = entered(sequences, 1)
    assert asked_with(sequences, second) == 7
    answer(sequences, second, 8)
    last = entered(sequences, 1, end=True)
    assert asked_with(sequences, last) == 8
    assert (sequences.count, sequences.bytes) == (1, 8)
    answer(sequences, last, 9)
    assert (sequences.count, sequences.bytes, ended) == (0, 0, {"end": 1})
    with pytest.raises(UnknownSequence, match=r"^adding 1\.0 keeps no sequence 1: it has ended; its first request has"):
        entered(sequences, 1)
    sequences.close()


@in_loop
async def test_what_was_answered_is_copied_out_of_its_batch() -> None:
    sequences, _ = made()
    step = entered(sequences, 1, start=True)
    batch = np.zeros((32, 2), np.float32)
    sequences.computed(step, {"y": batch[:1], "next_total": batch[:1]})
    assert step.state
    assert step.state["total"].base is None
    sequences.close()


@in_loop
async def test_a_request_that_fails_leaves_the_state_as_it_was_and_a_first_one_nothing() -> None:
    sequences, ended = made()
    begun(sequences, 1, value=7)
    for start, end in ((False, False), (False, True), (True, False)):
        step = entered(sequences, 1, start=start, end=end)
        sequences.computed(step, outputs(9))
        sequences.leave(step, is_answered=False)
        after = entered(sequences, 1)
        assert asked_with(sequences, after) == 7
        sequences.leave(after, is_answered=False)
    sequences.leave(entered(sequences, 2, start=True), is_answered=False)
    assert (sequences.count, ended) == (1, {})
    with pytest.raises(UnknownSequence, match="no sequence 2: it was not begun, or had no request for 60 s"):
        entered(sequences, 2)
    sequences.close()


@in_loop
async def test_its_requests_wait_for_each_other_in_the_order_in_which_they_came() -> None:
    sequences, _ = made()
    first, second, third = (entered(sequences, 1, start=number == 0) for number in range(3))
    assert sequences.turn(first, 1) is None
    waits = [wait for step in (second, third) if (wait := sequences.turn(step, 1))]
    answer(sequences, first)
    assert [wait.done() for wait in waits] == [True, False]
    sequences.leave(second, is_answered=False)
    assert waits[1].done()
    assert sequences.turn(entered(sequences, 2, start=True), 1) is None
    sequences.close()


@in_loop
async def test_who_gives_up_while_it_waits_holds_up_nobody() -> None:
    sequences, _ = made()
    first, second, third = (entered(sequences, 1, start=number == 0) for number in range(3))
    waits = [wait for step in (first, second, third) if (wait := sequences.turn(step, 1))]
    waits[0].cancel()
    sequences.leave(second, is_answered=False)
    assert not waits[1].done()
    answer(sequences, first)
    assert waits[1].done()
    sequences.close()


@in_loop
async def test_what_stands_behind_the_last_request_has_no_sequence_unless_it_begins_one() -> None:
    sequences, _ = made()
    begun(sequences, 1)
    last, late, anew = entered(sequences, 1, end=True), entered(sequences, 1), entered(sequences, 1, start=True)
    answer(sequences, last, 5)
    with pytest.raises(UnknownSequence, match="it has ended"):
        asked_with(sequences, late)
    sequences.leave(late, is_answered=False)
    assert asked_with(sequences, anew) == 0
    answer(sequences, anew)
    assert sequences.count == 1
    sequences.close()


@in_loop
async def test_a_start_begins_an_old_one_anew_and_may_bring_what_it_begins_with() -> None:
    sequences, _ = made()
    begun(sequences, 1, value=7)
    step = entered(sequences, 1, start=True)
    assert asked_with(sequences, step) == 0
    given = {spec.name: np.full((1, 2), 3, np.float32) for spec in INPUTS}
    assert sequences.inputs(step, given)["total"][0, 0] == 3
    sequences.close()


@in_loop
async def test_nobody_goes_on_with_anothers() -> None:
    sequences, _ = made()
    begun(sequences, 1, "token a", value=7)
    begun(sequences, 1, "token b", value=8)
    assert asked_with(sequences, entered(sequences, 1, "token a")) == 7
    with pytest.raises(UnknownSequence):
        entered(sequences, 1, "token c")
    sequences.close()


@in_loop
async def test_one_too_many_is_told_to_come_later_and_one_that_ends_makes_room() -> None:
    sequences, _ = made(most=2)
    begun(sequences, 1)
    pending = entered(sequences, "b", start=True)
    with pytest.raises(
        Overloaded, match=r"^adding keeps 2 sequences, as many as it may \(--sequences\); one that ends"
    ) as full:
        entered(sequences, 3, start=True)
    assert full.value.retry_after == 1
    entered(sequences, 1, start=True)
    sequences.leave(pending, is_answered=False)
    begun(sequences, 3)
    sequences.close()


@in_loop
async def test_one_without_a_request_for_too_long_ends_and_one_that_has_some_does_not() -> None:
    sequences, ended = made(most=3, seconds=0.05)
    begun(sequences, 1)
    waiting = entered(sequences, 2, start=True)
    await until(lambda: ended["timeout"] == 1)
    assert sequences.count == 1
    with pytest.raises(UnknownSequence, match=r"it had no request for 0\.05 s \(--sequence-timeout\)"):
        entered(sequences, 1)
    await asyncio.sleep(0.1)
    answer(sequences, waiting)
    assert sequences.count == 1
    await until(lambda: ended["timeout"] == 2)
    assert (sequences.count, sequences.timer) == (0, None)


@in_loop
async def test_a_used_one_outlives_one_that_is_not() -> None:
    sequences, _ = made(most=3)
    begun(sequences, 1)
    begun(sequences, 2)
    answer(sequences, entered(sequences, 1))
    assert [key[1] for key in sequences.kept] == [2, 1]
    sequences.close()


@in_loop
async def test_another_version_says_why_one_is_no_more() -> None:
    (before, ended), (after, _) = made(), made()
    begun(before, 1)
    after.follow(before, "adding 1.0 was loaded anew")
    before.close()
    assert (before.count, ended) == (0, {"unloaded": 1})
    with pytest.raises(UnknownSequence, match=r"no sequence 1: adding 1\.0 was loaded anew; its first request has"):
        entered(after, 1)


@in_loop
async def test_one_that_another_version_begins_anew_is_kept_here_no_more() -> None:
    sequences, ended = made()
    begun(sequences, 1)
    late = entered(sequences, 1)
    sequences.forget("", InSequence(1))
    sequences.forget("", InSequence(2))
    assert (sequences.count, ended) == (0, {"restarted": 1})
    with pytest.raises(UnknownSequence, match="it was begun anew in another version"):
        asked_with(sequences, late)
    answer(sequences, late)
    assert sequences.count == 0
    sequences.close()


@in_loop
async def test_why_some_are_no_more_is_known_of_the_latest() -> None:
    sequences, _ = made(most=1)
    for number in range(REMEMBERED + 10):
        answer(sequences, entered(sequences, number + 1, start=True, end=True))
    assert len(sequences.gone) == REMEMBERED
    sequences.close()


@in_loop
async def test_a_request_has_one_sample() -> None:
    sequences, _ = made()
    with pytest.raises(
        WrongTensor, match=r"^a request of a sequence has one sample, and this has 2; each of a batch is"
    ):
        sequences.turn(entered(sequences, 1, start=True), 2)
    sequences.close()


def test_a_request_brings_all_but_the_state_and_at_the_start_that_too() -> None:
    sequences, _ = made()
    assert [spec.name for spec in sequences.brought(InSequence(1), ["x"])] == ["x"]
    assert [spec.name for spec in sequences.brought(InSequence(1, start=True), ["x", "total"])] == ["x", "total"]
    assert [spec.name for spec in sequences.brought(InSequence(1, start=True), ["y"])] == ["x"]
    words = (
        "^'total' is kept by the server for the sequence 1; leave it out, or send it with sequence_start to begin with"
    )
    with pytest.raises(WrongTensor, match=words):
        sequences.brought(InSequence(1), ["x", "total"])
    assert sequences.answered(["y", "next_total"]) == ["y"]
    assert sequences.words == "keeps the state of up to 2 sequences, 8 bytes each, 60 s after a request"


@pytest.mark.parametrize(
    ("most", "state", "words"),
    [
        (2, {}, "^sequence_id is 'a', and adding carries no state from request to request$"),
        (
            0,
            STATE,
            r"this server keeps no sequences \(--sequences is 0\); send 'next_total' of an answer as 'total' of th",
        ),
    ],
)
def test_where_none_is_kept_it_is_said_why(most: int, state: dict[str, str], words: str) -> None:
    sequences, _ = made(most=most, state=state)
    assert not sequences.are_kept
    with pytest.raises(WrongParameter, match=words):
        sequences.brought(InSequence("a", start=True), ["x"])
