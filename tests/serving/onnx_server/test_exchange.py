"""One request's way through the data plane: outputs, deadlines, cancellation, admission, and that it ends once."""

import asyncio
import gc
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tests.serving.onnx_server.exchanges import Asking, Free, ask, begin, counted
from tests.serving.onnx_server.in_process import held_bundle, serving_session
from tests.serving.onnx_server.models.held import BROKEN, Held, begun, sample, submit, until
from tests.serving.wire import in_loop
from torchferry.serving.errors import (
    ClientGone,
    DeadlinePassed,
    InferenceFailed,
    Overloaded,
    TooLarge,
    UnknownModel,
    WrongTensor,
)
from torchferry.serving.onnx_server.exchange import Exchange
from torchferry.serving.onnx_server.inference import Inference, Outputs, Wanted
from torchferry.serving.onnx_server.intake import COUNTED
from torchferry.serving.onnx_server.models.model import Model


@in_loop
async def test_the_outputs_that_are_asked_for_are_given_or_else_all() -> None:
    async with serving_session(Free()) as (plane, _):
        assert (await ask(plane, 1))["y"].tolist() == [[2, 2]]
        assert list(await ask(plane, 1, outputs=[Wanted("y")])) == ["y"]
        with pytest.raises(WrongTensor, match="there is no output 'z'; the model has y"):
            await ask(plane, 1, outputs=[Wanted("y"), Wanted("z")])


@in_loop
async def test_the_best_classes_are_named_by_the_models_labels() -> None:
    async with serving_session(Free()) as (plane, _):
        answered = await begin(
            plane, Inference({"x": np.array([[1.0, 3.0]])}, outputs=[Wanted("y", classes=1)])
        ).outcome()
        assert answered["y"].tolist() == [[b"4.000000:1:yes"]]


@in_loop
async def test_more_samples_than_are_allowed_are_too_large_before_they_are_unpacked() -> None:
    async with serving_session(Free(), max_request_batch=2) as (plane, _):
        with pytest.raises(TooLarge, match="the request has 3 samples; 2 are allowed"):
            await begin(plane, Inference(sample(1, count=3))).outcome()
        with pytest.raises(TooLarge, match="3 samples"):
            await begin(plane, Inference({}, files={"x": [b"none"] * 3})).outcome()
        assert len((await begin(plane, Inference(sample(1, count=2))).outcome())["y"]) == 2


@in_loop
async def test_an_answer_that_is_kept_is_not_computed_again() -> None:
    session = Free()
    async with serving_session(session, cache_bytes=10_000) as (plane, _):
        answered, exchanges = [], []
        for value in (1, 1, 2):
            exchanges.append(begin(plane, Inference(sample(value))))
            answered.append(float((await exchanges[-1].outcome())["y"][0, 0]))
        assert answered == [2, 2, 3]
        assert [each.context.cache for each in exchanges] == ["miss", "hit", "miss"]
        assert all(each.context.outputs is not None for each in exchanges)
        assert session.seen == [[1], [2]]


@in_loop
async def test_a_request_has_the_time_that_it_sets_but_never_more_than_the_servers() -> None:
    async with serving_session(Free(), timeout=20.0) as (plane, _):
        for timeout, least, most in ((5.0, 0, 5), (None, 5, 20), (100.0, 5, 20)):
            assert least < Exchange(plane, "rest", timeout=timeout).remaining() <= most
        for timeout in (None, 100.0):
            late: Exchange[Outputs] = Exchange(plane, "rest", timeout=timeout)
            late.context.started -= 20
            with pytest.raises(DeadlinePassed, match="the request was not answered within 20 s"):
                late.remaining()
        with pytest.raises(DeadlinePassed):
            Exchange(plane, "grpc", timeout=0.0).remaining()


@in_loop
async def test_a_request_whose_time_is_up_in_the_queue_leaves_it() -> None:
    async with serving_session(Held()) as (plane, model):
        running = submit(model.scheduler, sample(1))
        with pytest.raises(DeadlinePassed):
            await ask(plane, 2, timeout=0.02)
        assert (model.scheduler.queued, running.started > 0) == (0, True)
        assert counted(plane, "deadline") == 1


@in_loop
async def test_what_takes_too_long_in_a_thread_is_given_up() -> None:
    async with serving_session(Free()) as (plane, model):
        exchange = begin(plane, Inference(sample(1)), timeout=0.02, is_large=True)
        with pytest.raises(DeadlinePassed, match=r"within 0\.02 s"):
            await exchange.outcome()
        form: Any = exchange.form
        form.may_read.set()
        await until(lambda: exchange.context.decode > 0)
        assert (model.admission.inside, counted(plane, "deadline")) == (0, 1)


@in_loop
async def test_what_a_thread_has_read_is_computed() -> None:
    async with serving_session(Free()) as (plane, _):
        exchange = begin(plane, Inference(sample(1)), is_large=True)
        form: Any = exchange.form
        form.may_read.set()
        assert (await exchange.outcome())["y"].tolist() == [[2, 2]]


@in_loop
async def test_who_hangs_up_leaves_the_queue() -> None:
    async with serving_session(Held()) as (plane, model):
        await begun(model.scheduler, sample(1))
        exchange = begin(plane, Inference(sample(2)))
        assert model.scheduler.queued == 1
        exchange.cancel(ClientGone())
        assert (model.scheduler.queued, model.admission.inside, counted(plane, "cancelled")) == (0, 0, 1)
        with pytest.raises(ClientGone):
            await exchange.outcome()


@in_loop
async def test_who_hangs_up_while_a_thread_reads_is_never_computed() -> None:
    session = Free()
    async with serving_session(session) as (plane, _):
        exchange = begin(plane, Inference(sample(1)), is_large=True)
        await until(lambda: bool(plane.threads.held))
        exchange.cancel(ClientGone())
        form: Any = exchange.form
        form.may_read.set()
        await until(form.has_read.is_set)
        await ask(plane, 2)
        assert session.seen == [[2]]


@in_loop
async def test_a_coroutine_that_is_cancelled_cancels_its_exchange() -> None:
    async with serving_session(Held()) as (plane, model):
        await begun(model.scheduler, sample(1))
        waiting = asyncio.ensure_future(ask(plane, 2))
        await until(lambda: model.scheduler.queued == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (model.scheduler.queued, counted(plane, "cancelled")) == (0, 1)


@in_loop
async def test_requests_of_priority_batch_have_half_of_the_queue() -> None:
    async with serving_session(Held(), max_queue=4) as (plane, model):
        for value in range(3):  # one runs, two wait
            submit(model.scheduler, sample(value))
        with pytest.raises(Overloaded, match=r"tiny has more requests .* priority batch have half of the queue"):
            await ask(plane, 3, interactive=False)
        assert counted(plane, "overloaded") == 1
        with pytest.raises(DeadlinePassed):  # it was let in
            await ask(plane, 3, timeout=0.02)


@in_loop
async def test_a_client_with_fewer_takes_the_newest_place_of_the_one_with_most() -> None:
    session = Held()
    async with serving_session(session, max_queue=4) as (plane, model):
        model.admission.limit = 5
        asked = [begin(plane, Inference(sample(0)), client="much")]
        await until(lambda: model.scheduler.running == 1)
        asked += [begin(plane, Inference(sample(value)), client="much") for value in range(1, 5)]
        asked.append(begin(plane, Inference(sample(5)), client="little"))
        with pytest.raises(Overloaded, match="its queue is full, and this client has the most in it"):
            await asked[4].outcome()
        late: Exchange[Outputs] = Exchange(plane, "rest", client="much")
        assert not late.admit("tiny", "")
        assert isinstance(late.result, Overloaded)
        session.may_run.release(10)
        for each in (*asked[:4], asked[5]):
            await each.outcome()
        assert session.seen == [[0], [1, 5, 2, 3]]
        assert (counted(plane, "overloaded"), model.admission.of) == (2, {})


@in_loop
async def test_the_half_of_priority_batch_is_shared_as_well() -> None:
    async with serving_session(Held(), max_queue=6) as (plane, model):
        asked = [begin(plane, Inference(sample(0)), client="much")]
        await until(lambda: model.scheduler.running == 1)
        asked += [begin(plane, Inference(sample(0), interactive=False), client="much") for _ in range(3)]
        begin(plane, Inference(sample(1), interactive=False), client="little")
        with pytest.raises(Overloaded, match="priority batch have half of the queue, and this client has the most"):
            await asked[-1].outcome()
        assert model.scheduler.queued == 3


@in_loop
async def test_a_request_is_late_only_if_those_before_it_in_turn_take_too_long() -> None:
    session = Held()
    async with serving_session(session) as (plane, model):
        model.scheduler.seconds_of_cost = 1.0
        submit(model.scheduler, sample(0), client="much")
        await until(lambda: model.scheduler.running == 1)
        for value in range(1, 5):
            submit(model.scheduler, sample(value), client="much")
        with pytest.raises(Overloaded, match="it would pass its deadline"):
            await begin(plane, Inference(sample(9)), timeout=3.0, client="much").outcome()
        exchange = begin(plane, Inference(sample(9)), timeout=3.0, client="little")
        session.may_run.release(10)
        assert (await exchange.outcome())["y"].tolist() == [[10, 10]]


@in_loop
async def test_what_is_large_counts_by_its_bytes_until_it_is_answered() -> None:
    session = Held()
    async with serving_session(session, max_request_batch=10_000) as (plane, model):
        share = plane.intake.bytes.most_of_client
        small = begin(plane, Inference(sample(1)), size=COUNTED)
        tensors = begin(plane, Inference(sample(1, count=8192)), client="a")
        seen = np.frombuffer(bytes(16 * 8192)).reshape(8192, 2)
        assert plane.intake.bytes.held == {"a": 16 * 8192}
        sent = begin(plane, Inference({"x": seen}), client="b", size=share)
        assert plane.intake.bytes.held == {"a": 16 * 8192, "b": share}
        with pytest.raises(Overloaded, match="too many bytes of requests are here"):
            await begin(plane, Inference(sample(1)), client="b", size=COUNTED + 1).outcome()
        session.may_run.release(10)
        for each in (small, tensors, sent):
            await each.outcome()
        assert (plane.intake.bytes.held, model.admission.inside) == ({}, 0)


@in_loop
async def test_a_request_that_would_be_too_late_is_turned_away_at_once() -> None:
    async with serving_session(Held()) as (plane, model):
        model.scheduler.seconds_of_cost = 10.0
        await begun(model.scheduler, sample(0))
        submit(model.scheduler, sample(1))
        with pytest.raises(Overloaded, match="it would pass its deadline in the queue") as refused:
            await ask(plane, 3, timeout=5.0)
        assert refused.value.retry_after == 10


@in_loop
async def test_what_becomes_of_a_request_is_counted_once() -> None:
    async with serving_session(Free()) as (plane, model):
        await ask(plane, 1)
        with pytest.raises(InferenceFailed):
            await ask(plane, BROKEN)
        assert (counted(plane, "ok"), counted(plane, "server_error")) == (1, 1)
        assert (model.statistics.answered, model.statistics.failed) == (1, 1)


@in_loop
async def test_only_the_first_end_counts_and_is_told_once() -> None:
    told: list[object] = []
    async with serving_session(Free()) as (plane, model):
        exchange: Exchange[Outputs] = Exchange(plane, "rest", lambda ended: told.append(ended.result))
        assert exchange.admit("tiny", "")
        errors = [WrongTensor("first"), WrongTensor("second")]
        for error in errors:
            exchange.end(error)
        exchange.take(Asking(Inference(sample(1))))
        assert told == errors[:1]
        assert (model.admission.inside, counted(plane, "client_error")) == (0, 1)


@in_loop
async def test_a_bug_of_reading_or_writing_ends_that_request_alone() -> None:
    class Broken(Asking):
        def write(self, _model: Model, _asked: Inference, _outputs: Outputs) -> Outputs:
            raise RuntimeError("a bug")

    async with serving_session(Free()) as (plane, model):
        exchange: Exchange[Outputs] = Exchange(plane, "rest")
        assert exchange.admit("tiny", "")
        exchange.take(Broken(Inference(sample(1))))
        with pytest.raises(RuntimeError, match="a bug"):
            await exchange.outcome()
        assert (await ask(plane, 1))["y"].tolist() == [[2, 2]]
        assert (model.admission.inside, counted(plane, "server_error")) == (0, 1)


@in_loop
async def test_a_name_that_is_no_models_is_counted_under_none() -> None:
    async with serving_session(Free()) as (plane, _):
        exchange: Exchange[Mapping[str, np.ndarray]] = Exchange(plane, "rest")
        assert not exchange.admit("other", "")
        with pytest.raises(UnknownModel, match="there is no model 'other'"):
            await exchange.outcome()
        assert counted(plane, "client_error", model="", version="") == 1


@in_loop
async def test_what_was_written_is_a_stage() -> None:
    class Slow(Asking):
        def write(self, _model: Model, _asked: Inference, outputs: Outputs) -> Outputs:
            time.sleep(0.002)
            return outputs

    async with serving_session(Free()) as (plane, _):
        exchange: Exchange[Outputs] = Exchange(plane, "rest")
        assert exchange.admit("tiny", "")
        exchange.take(Slow(Inference(sample(1))))
        await exchange.outcome()
        assert exchange.context.encode >= 0.002


@in_loop
@pytest.mark.parametrize("in_coroutine", [True, False])
async def test_what_is_refused_leaves_nothing_to_the_garbage_collector(in_coroutine: bool) -> None:
    async with serving_session(Free(), held_bundle()) as (plane, model):
        for _ in range(2):  # the first makes what stays
            gc.collect()
            for _ in range(5):
                exchange = Exchange[Outputs](plane, "rest", None if in_coroutine else _forget)
                exchange.admit(model.name, "")
                exchange.take(Asking(Inference(sample(1), outputs=[Wanted("z")]), is_large=True))
                exchange.form.may_read.set()  # type: ignore[attr-defined]
                if in_coroutine:
                    with pytest.raises(WrongTensor):
                        await exchange.outcome()
                await until(lambda: not model.admission.inside)
                del exchange
        assert gc.collect() == 0


def _forget(exchange: Exchange[Outputs]) -> None:
    assert isinstance(exchange.result, WrongTensor)
    exchange.result = None
