"""The scheduler: dynamic batching, priorities, shapes and cancelled requests."""

import asyncio
import gc
import time
import weakref
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tests.serving.onnx_server.models.held import (
    BROKEN,
    WRONG,
    Held,
    answers,
    begun,
    padding,
    sample,
    scheduling,
    submit,
    until,
)
from tests.serving.wire import SECONDS, in_loop
from torchferry.serving.errors import DeadlinePassed, InferenceFailed, WrongTensor
from torchferry.serving.onnx_server.inference import Work

ENDLESS = 300.0


@in_loop
async def test_a_request_that_finds_the_session_free_runs_at_once() -> None:
    session = Held()
    async with scheduling(session) as scheduler:
        work = submit(scheduler, sample(1))
        await asyncio.sleep(0)
        assert work.started
        assert (scheduler.queued, scheduler.running) == (0, 1)
        assert await answers(session, work, batches=1) == [2]
        await until(lambda: scheduler.running == 0)
        assert (work.batch_size, work.delayed) == (1, 0)


@in_loop
async def test_what_has_arrived_together_goes_together() -> None:
    session = Held()
    async with scheduling(session) as scheduler:
        works = [submit(scheduler, sample(value)) for value in range(6)]
        assert await answers(session, *works, batches=2) == list(range(1, 7))
        assert session.seen == [[0, 1, 2, 3], [4, 5]]


@in_loop
async def test_what_comes_while_it_is_busy_goes_together_up_to_max_batch() -> None:
    session = Held()
    async with scheduling(session) as scheduler:
        works = [await begun(scheduler, sample(0)), *(submit(scheduler, sample(value)) for value in range(1, 8))]
        assert scheduler.queued == 7
        assert await answers(session, *works, batches=3) == list(range(1, 9))
        assert session.seen == [[0], [1, 2, 3, 4], [5, 6, 7]]
        assert [work.batch_size for work in works] == [1, 4, 4, 4, 4, 3, 3, 3]
        assert scheduler.batches == 3


@in_loop
async def test_requests_of_several_samples_are_never_split() -> None:
    session = Held()
    async with scheduling(session) as scheduler:
        works = [await begun(scheduler, sample(0))]
        works += [submit(scheduler, sample(value, count)) for value, count in ((1, 3), (2, 2), (3, 9), (4, 1))]
        await answers(session, *works, batches=5)
        assert session.seen == [[0], [1] * 3, [2] * 2, [3] * 9, [4]]
        assert [len((await work.answer)["y"]) for work in works] == [1, 3, 2, 9, 1]


@in_loop
async def test_only_equal_sizes_share_a_batch_without_padding_and_none_is_forgotten() -> None:
    session = Held()
    async with scheduling(session, padding=padding()) as scheduler:
        widths = {1: 2, 2: 3, 3: 2, 4: 3}
        works = [await begun(scheduler, sample(0))]
        works += [submit(scheduler, sample(value, width=width)) for value, width in widths.items()]
        await answers(session, *works, batches=3)
        assert session.seen == [[0], [1, 3], [2, 4]]


@in_loop
async def test_unequal_sizes_share_a_batch_up_to_a_share_of_padding_and_each_gets_its_own_answer() -> None:
    session = Held()
    async with scheduling(session, padding=padding(0.5)) as scheduler:
        widths = {1: 4, 2: 8, 3: 3, 4: 5}
        works = [await begun(scheduler, sample(0))]
        works += [submit(scheduler, sample(value, width=width)) for value, width in widths.items()]
        await answers(session, *works, batches=3)
        assert session.seen == [[0], [1, 2, 4], [3]]
        for work, (value, width) in zip(works[1:], widths.items(), strict=True):
            assert (await work.answer)["y"].tolist() == [[value + 1] * width]
        assert [(work.cost, work.padding) for work in works] == [(2, 0), (4, 4), (8, 0), (3, 0), (5, 3)]


@in_loop
async def test_a_long_request_among_many_short_ones_waits_for_no_more_than_its_turn_and_they_share_batches() -> None:
    session = Held()
    async with scheduling(session, padding=padding(0.5), max_batch=8) as scheduler:
        works = [await begun(scheduler, sample(0))]
        works += [submit(scheduler, sample(1, width=64))]
        works += [submit(scheduler, sample(value, width=8)) for value in range(2, 22)]
        works += [submit(scheduler, sample(22, width=64))]
        await answers(session, *works, batches=5)
        assert session.seen == [[0], [1, 22], [*range(2, 10)], [*range(10, 18)], [*range(18, 22)]]


@in_loop
async def test_clients_take_turns_by_what_their_requests_cost() -> None:
    session = Held()
    async with scheduling(session, padding=padding(), max_batch=1) as scheduler:
        works = [await begun(scheduler, sample(0))]
        works += [submit(scheduler, sample(value, width=30), client="long") for value in (1, 2)]
        works += [submit(scheduler, sample(value, width=10), client="short") for value in (3, 4, 5, 6)]
        await answers(session, *works, batches=7)
        assert session.seen == [[0], [1], [3], [4], [5], [2], [6]]


@in_loop
async def test_a_batch_that_was_padded_and_fails_is_computed_by_each_at_its_own_size() -> None:
    session = Held()
    async with scheduling(session, padding=padding(0.5)) as scheduler:
        works = [await begun(scheduler, sample(0))]
        works += [submit(scheduler, sample(value, width=width)) for value, width in ((1, 3), (WRONG, 4), (2, 2))]
        session.may_run.release(5)
        assert (await works[1].answer)["y"].tolist() == [[2] * 3]
        with pytest.raises(WrongTensor):
            await works[2].answer
        assert (await works[3].answer)["y"].tolist() == [[3] * 2]


@in_loop
async def test_interactive_requests_go_before_batch_ones_that_came_earlier() -> None:
    session = Held()
    async with scheduling(session, max_batch=2) as scheduler:
        works = [await begun(scheduler, sample(0))]
        works += [submit(scheduler, sample(value), interactive=value > 2) for value in range(1, 6)]
        await answers(session, *works, batches=4)
        assert session.seen == [[0], [3, 4], [5, 1], [2]]


@in_loop
async def test_interactive_requests_go_first_also_where_they_cannot_share() -> None:
    session = Held()
    async with scheduling(session, padding=padding()) as scheduler:
        works = [await begun(scheduler, sample(0)), submit(scheduler, sample(1), interactive=False)]
        works.append(submit(scheduler, sample(2, width=3)))
        await answers(session, *works, batches=3)
        assert session.seen == [[0], [2], [1]]


@in_loop
async def test_clients_take_turns_in_each_batch_and_from_one_to_the_next() -> None:
    session = Held()
    async with scheduling(session) as scheduler:
        works = [await begun(scheduler, sample(0))]
        works += [submit(scheduler, sample(value), client="much") for value in range(1, 7)]
        works += [submit(scheduler, sample(value), client="little") for value in (7, 8, 9)]
        await answers(session, *works, batches=4)
        assert session.seen == [[0], [1, 7, 2, 8], [3, 9, 4, 5], [6]]


@in_loop
async def test_clients_take_turns_also_where_their_requests_share_no_batch() -> None:
    session = Held()
    async with scheduling(session, padding=padding()) as scheduler:
        works = [await begun(scheduler, sample(0))]
        works += [submit(scheduler, sample(value, count=4), client="much") for value in (1, 2, 3)]
        works += [submit(scheduler, sample(value, width=3), client="little") for value in (4, 5)]
        await answers(session, *works, batches=5)
        assert session.seen == [[0], [1] * 4, [4, 5], [2] * 4, [3] * 4]


@in_loop
async def test_what_was_dropped_in_the_queue_never_runs() -> None:
    session = Held()
    async with scheduling(session) as scheduler:
        works = [await begun(scheduler, sample(0)), *(submit(scheduler, sample(value)) for value in (1, 2, 3))]
        for work in works[:3:2]:
            scheduler.leave(work)  # the first has begun and is computed for nobody
        assert scheduler.queued == 2
        assert await answers(session, works[1], works[3], batches=2) == [2, 4]
        assert session.seen == [[0], [1, 3]]
        assert not works[2].started


@in_loop
async def test_an_answer_that_came_too_late_disturbs_nothing() -> None:
    session = Held()
    async with scheduling(session) as scheduler:
        late = await begun(scheduler, sample(0), deadline=time.monotonic() + 0.01)
        with pytest.raises(DeadlinePassed):
            await late.answer
        assert await answers(session, submit(scheduler, sample(1)), batches=2) == [2]


@in_loop
async def test_what_is_late_in_the_queue_is_told_so_and_never_runs() -> None:
    session = Held()
    async with scheduling(session) as scheduler:
        first = await begun(scheduler, sample(0))
        late = submit(scheduler, sample(1), deadline=time.monotonic() + 0.01)
        with pytest.raises(DeadlinePassed):
            await late.answer
        assert scheduler.queued == 0
        assert await answers(session, first, submit(scheduler, sample(2)), batches=2) == [1, 3]
        assert session.seen == [[0], [2]]


@in_loop
async def test_who_is_told_may_submit_the_next_one() -> None:
    """Also where the told one is late, as a free session looks for what it may run."""
    session, told = Held(), []
    async with scheduling(session) as scheduler:
        late = Work(sample(0), lambda _: told.append(submit(scheduler, sample(1))), deadline=time.monotonic())
        scheduler.submit(late)
        await until(lambda: bool(told))
        assert await answers(session, *told, batches=1) == [2]
        assert session.seen == [[1]]


@in_loop
async def test_an_answer_that_cannot_be_given_keeps_the_others_from_nothing() -> None:
    session, said = Held(), []
    async with scheduling(session) as scheduler:
        scheduler.loop.set_exception_handler(lambda _, context: said.append(context["exception"]))

        def break_down(_: Work) -> None:
            raise RuntimeError("the client's connection")

        works = [await begun(scheduler, sample(0))]
        scheduler.submit(Work(sample(1), break_down))
        works.append(submit(scheduler, sample(2)))
        assert await answers(session, *works, batches=2) == [1, 3]
        assert [str(error) for error in said] == ["the client's connection"]


@in_loop
async def test_a_batch_that_throws_is_run_again_one_by_one_and_each_answers_for_itself() -> None:
    session = Held()
    async with scheduling(session, max_batch=8) as scheduler:
        works = [await begun(scheduler, sample(0))]
        works += [submit(scheduler, sample(value)) for value in (1, WRONG, 2, BROKEN)]
        assert await answers(session, works[0], works[1], works[3], batches=6) == [1, 2, 3]
        with pytest.raises(WrongTensor, match="cannot take it"):
            await works[2].answer
        with pytest.raises(InferenceFailed, match="RuntimeError: the graph is broken"):
            await works[4].answer
        assert session.seen == [[0], [1, WRONG, 2, BROKEN], [1], [WRONG], [2], [BROKEN]]
        assert await answers(session, submit(scheduler, sample(5)), batches=1) == [6]


@in_loop
async def test_a_free_session_waits_for_a_batch_to_fill_only_where_it_may() -> None:
    session = Held()
    async with scheduling(session, max_delay=SECONDS) as scheduler:
        works = [submit(scheduler, sample(value)) for value in range(3)]
        await asyncio.sleep(0.01)
        assert (scheduler.queued, scheduler.running) == (3, 0)
        works.append(submit(scheduler, sample(3)))  # the batch is full
        assert await answers(session, *works, batches=1) == [1, 2, 3, 4]
        assert session.seen == [[0, 1, 2, 3]]
        assert 0 < works[0].delayed < SECONDS
    async with scheduling(session, max_delay=0.01) as scheduler:
        assert await answers(session, submit(scheduler, sample(7)), batches=1) == [8]


@in_loop
async def test_several_sessions_compute_at_the_same_time() -> None:
    first, second = Held(), Held()
    async with scheduling(first, second) as scheduler:
        works = [await begun(scheduler, sample(value)) for value in range(2)]
        works += [submit(scheduler, sample(value)) for value in (2, 3)]
        assert (scheduler.running, scheduler.queued) == (2, 2)
        first.may_run.release(2)
        await until(lambda: len(first.seen) == 2)
        assert not second.seen
        assert first.seen[1] == [2, 3]
        await answers(second, *works, batches=1)
        assert sorted(first.seen[0] + second.seen[0]) == [0, 1]


@in_loop
async def test_how_long_the_next_would_wait_is_known_from_what_was_measured() -> None:
    session = Held()
    async with scheduling(session, max_batch=1) as scheduler:
        assert scheduler.expected_wait() == 0
        works = [submit(scheduler, sample(value)) for value in range(3)]
        await asyncio.sleep(0.05)
        session.may_run.release(1)
        await works[0].answer
        assert scheduler.queued == 1
        assert 0 < scheduler.seconds_of_cost == scheduler.expected_wait()
        await answers(session, *works, batches=2)
        assert scheduler.expected_wait() == 0


@in_loop
async def test_an_interactive_request_waits_for_none_that_it_passes() -> None:
    session = Held()
    async with scheduling(session, max_batch=1) as scheduler:
        works = [submit(scheduler, sample(value), interactive=False) for value in range(4)]
        await asyncio.sleep(0.05)
        session.may_run.release(1)
        await works[0].answer
        assert scheduler.expected_wait(interactive=True) == 0
        assert scheduler.expected_wait() == pytest.approx(2 * scheduler.seconds_of_cost)
        works.append(submit(scheduler, sample(4)))
        assert scheduler.expected_wait(interactive=True) == pytest.approx(scheduler.seconds_of_cost)
        await answers(session, *works, batches=4)


@in_loop
async def test_a_client_waits_for_those_alone_that_go_before_its_own() -> None:
    session = Held()
    async with scheduling(session, max_batch=1) as scheduler:
        works = [await begun(scheduler, sample(0))]
        works += [submit(scheduler, sample(value), client="much") for value in range(1, 9)]
        works.append(submit(scheduler, sample(9), client="little"))
        scheduler.seconds_of_cost = 1.0
        waits = [scheduler.expected_wait(client, interactive=True) for client in (None, "much", "little", "new")]
        assert waits == [9, 9, 2, 0]
        assert scheduler.expected_wait("new") == 9  # interactive ones go first
        await answers(session, *works, batches=10)


@in_loop
async def test_a_closed_one_keeps_no_session() -> None:
    """Not even until the next garbage collection, which hardly ever comes."""
    session = Held()
    kept = weakref.ref(session)
    gc.disable()
    try:
        async with scheduling(session) as scheduler:
            await answers(session, submit(scheduler, sample(1)), batches=1)
        del session, scheduler
        await until(lambda: kept() is None)
    finally:
        gc.enable()


class Endless(Held):
    """Computes until it is ended."""

    ended = 0

    def run(self, inputs: Mapping[str, np.ndarray], cancellation: Any = None) -> dict[str, np.ndarray]:
        if ENDLESS not in inputs["x"]:
            return super().run(inputs)
        while not cancellation.cancelled:
            time.sleep(0.001)
        self.ended += 1
        raise DeadlinePassed("the model had not answered")


@in_loop
async def test_a_run_that_all_have_left_is_ended_and_no_sooner() -> None:
    session = Endless()
    session.may_run.release(1000)
    async with scheduling(session) as scheduler:
        first, second = (submit(scheduler, sample(ENDLESS)) for _ in range(2))
        await until(lambda: scheduler.running == 2)
        scheduler.leave(first)
        await asyncio.sleep(0.02)
        assert (session.ended, scheduler.running) == (0, 2)
        scheduler.leave(second)
        assert await answers(session, submit(scheduler, sample(1)), batches=1) == [2]
        assert session.ended == 1
