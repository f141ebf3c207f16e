"""The data plane behind every protocol: outputs, deadlines, admission, readiness and the counted outcomes."""

import asyncio
import io
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.serving.onnx_server.in_process import held_bundle, serving_session
from tests.serving.onnx_server.models.held import BROKEN, Held, sample, until
from tests.serving.wire import SECONDS, in_loop
from torchferry.serving.bundle.bundle import ImageDecode, TensorSpec
from torchferry.serving.errors import (
    ClientGone,
    DeadlinePassed,
    InferenceFailed,
    NotDecodable,
    Overloaded,
    TooLarge,
    UnknownModel,
    WrongTensor,
)
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.inference import Inference, Wanted
from torchferry.serving.onnx_server.models.model import Model
from torchferry.serving.onnx_server.request_context import RequestContext
from torchferry.serving.onnx_server.trace_context import TraceContext


class Free(Held):
    """Answers at once."""

    def __init__(self) -> None:
        super().__init__()
        self.may_run.release(1000)


async def ask(plane: DataPlane, model: Model, value: float, **wanted: Any) -> Mapping[str, np.ndarray]:
    asked = Inference(sample(value), **wanted)
    with plane.context("rest") as context:
        plane.find(context, model.name, "")
        return await plane.infer(model, asked, context)


def counted(plane: DataPlane, outcome: str, model: str = "tiny", version: str = "1.0") -> float | None:
    labels = {"model": model, "version": version, "protocol": "rest", "outcome": outcome}
    return plane.metrics.registry.get_sample_value("torchferry_serve_requests_total", labels)


@in_loop
async def test_the_outputs_that_are_asked_for_are_given_or_else_all() -> None:
    async with serving_session(Free()) as (plane, model):
        assert (await ask(plane, model, 1))["y"].tolist() == [[2, 2]]
        assert list(await ask(plane, model, 1, outputs=[Wanted("y")])) == ["y"]
        with pytest.raises(WrongTensor, match="there is no output 'z'; the model has y"):
            await ask(plane, model, 1, outputs=[Wanted("y"), Wanted("z")])


@in_loop
async def test_the_best_classes_are_named_by_the_models_labels() -> None:
    async with serving_session(Free()) as (plane, model):
        asked = Inference({"x": np.array([[1.0, 3.0]])}, outputs=[Wanted("y", classes=1)])
        answered = await plane.infer(model, asked, plane.context("rest"))
        assert answered["y"].tolist() == [[b"4.000000:1:yes"]]


@in_loop
async def test_images_are_decoded_as_the_bundle_says_and_that_is_a_stage() -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((2, 2), 7, np.uint8)).save(file, "PNG")
    pixels = TensorSpec(name="x", datatype="UINT8", shape=(-1, 1, 2, 2))
    images = ImageDecode(mode="L", height=2, width=2, interpolation="nearest")
    async with serving_session(Free(), held_bundle(inputs=(pixels,), decode=images)) as (plane, model):
        context = plane.context("rest")
        answered = await plane.infer(model, Inference({}, images=[file.getvalue()] * 3), context)
        assert answered["y"].tolist() == [[[[8, 8], [8, 8]]]] * 3
        assert (context.samples, context.decode > 0) == (3, True)
        with pytest.raises(NotDecodable):
            await plane.infer(model, Inference({}, images=[b"none"]), context)


@in_loop
async def test_a_model_that_takes_no_images_says_so() -> None:
    async with serving_session(Free()) as (plane, model):
        with pytest.raises(WrongTensor, match="tiny takes no images"):
            await plane.infer(model, Inference({}, images=[b"some"]), plane.context("rest"))


@in_loop
async def test_more_samples_than_are_allowed_are_too_large_before_they_are_unpacked() -> None:
    async with serving_session(Free(), max_request_batch=2) as (plane, model):
        with pytest.raises(TooLarge, match="the request has 3 samples; 2 are allowed"):
            await plane.run(model, sample(1, count=3), plane.context("rest"))
        with pytest.raises(TooLarge, match="3 samples"):
            await plane.infer(model, Inference({}, images=[b"none"] * 3), plane.context("rest"))
        assert len((await plane.run(model, sample(1, count=2), plane.context("rest")))["y"]) == 2


@in_loop
async def test_an_answer_that_is_kept_is_not_computed_again() -> None:
    session = Free()
    async with serving_session(session, cache_bytes=10_000) as (plane, model):
        contexts = [plane.context("rest") for _ in range(3)]
        answered = [
            await plane.run(model, sample(value), context) for value, context in zip((1, 1, 2), contexts, strict=True)
        ]
        assert [float(outputs["y"][0, 0]) for outputs in answered] == [2, 2, 3]
        assert [context.cache for context in contexts] == ["miss", "hit", "miss"]
        assert all(context.outputs is not None for context in contexts)
        assert session.seen == [[1], [2]]


@in_loop
async def test_a_request_has_the_time_that_it_sets_but_never_more_than_the_servers() -> None:
    async with serving_session(Free(), timeout=20.0) as (plane, _):
        context = plane.context("rest")
        assert 0 < plane.remaining(context, 5.0) <= 5
        assert 5 < plane.remaining(context, None) <= 20
        assert 5 < plane.remaining(context, 100.0) <= 20
        context.started -= 20
        for timeout in (None, 100.0):
            with pytest.raises(DeadlinePassed, match="the request was not answered within 20 s"):
                plane.remaining(context, timeout)


@in_loop
async def test_a_request_whose_time_is_up_in_the_queue_leaves_it() -> None:
    async with serving_session(Held()) as (plane, model):
        running = model.scheduler.submit(sample(1))
        with pytest.raises(DeadlinePassed):
            await ask(plane, model, 2, timeout=0.02)
        assert (model.scheduler.queued, running.started > 0) == (0, True)
        assert counted(plane, "deadline") == 1


@in_loop
async def test_what_takes_too_long_in_a_thread_is_given_up() -> None:
    async with serving_session(Held()) as (plane, model):
        context = plane.context("rest")
        session: Any = model.loaded.sessions[0]
        with pytest.raises(DeadlinePassed, match=r"within 0\.02 s"):
            await plane.in_thread(session.run, sample(1), context=context, timeout=0.02)
        assert context.decode > 0


@in_loop
async def test_who_hangs_up_leaves_the_queue() -> None:
    async with serving_session(Held()) as (plane, model):
        model.scheduler.submit(sample(1))
        context = plane.context("rest")
        waiting = asyncio.create_task(plane.run(model, sample(2), context))
        await until(lambda: model.scheduler.queued == 1)
        context.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert model.scheduler.queued == 0


@in_loop
async def test_requests_of_priority_batch_have_half_of_the_queue() -> None:
    async with serving_session(Held(), max_queue=4) as (plane, model):
        for value in range(3):  # one runs, two wait
            model.scheduler.submit(sample(value))
        with pytest.raises(Overloaded, match=r"tiny has more requests .* priority batch have half of the queue"):
            await ask(plane, model, 3, interactive=False)
        assert counted(plane, "overloaded") == 1
        with pytest.raises(DeadlinePassed):  # it was let in
            await ask(plane, model, 3, timeout=0.02)


@in_loop
async def test_a_request_that_would_be_too_late_is_turned_away_at_once() -> None:
    async with serving_session(Held()) as (plane, model):
        model.scheduler.seconds_per_sample = 10.0
        for value in range(2):
            model.scheduler.submit(sample(value))
        with pytest.raises(Overloaded, match="it would pass its deadline in the queue") as refused:
            await ask(plane, model, 3, timeout=5.0)
        assert refused.value.retry_after == 10


@in_loop
async def test_what_becomes_of_a_request_is_counted_once() -> None:
    async with serving_session(Free()) as (plane, model):
        await ask(plane, model, 1)
        with pytest.raises(InferenceFailed):
            await ask(plane, model, BROKEN)
        assert (counted(plane, "ok"), counted(plane, "server_error")) == (1, 1)
        assert (model.statistics.answered, model.statistics.failed) == (1, 1)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (WrongTensor("x"), "client_error"),
        (Overloaded("x", 1), "overloaded"),
        (ClientGone("x"), "cancelled"),
        (asyncio.CancelledError(), "cancelled"),
        (DeadlinePassed("x"), "deadline"),
        (RuntimeError("x"), "server_error"),
    ],
)
@in_loop
async def test_each_error_has_its_outcome(error: BaseException, outcome: str) -> None:
    async with serving_session(Free()) as (plane, model):
        context = plane.context("rest")
        plane.find(context, "tiny", "")
        with pytest.raises(type(error)), context:
            raise error
        assert counted(plane, outcome) == 1
        assert model.statistics.failed == 1


@in_loop
async def test_a_name_that_is_no_models_is_counted_under_none() -> None:
    async with serving_session(Free()) as (plane, _):
        with pytest.raises(UnknownModel, match="there is no model 'other'"), plane.context("rest") as context:
            plane.find(context, "other", "")
        assert counted(plane, "client_error", model="", version="") == 1


@in_loop
async def test_a_request_joins_its_callers_trace_and_makes_none_of_its_own() -> None:
    caller = TraceContext(32 * "a", 16 * "b", "01")
    async with serving_session(Free()) as (plane, _):
        assert traced(plane, "") is None
        assert traced(plane, "none") is None
        joined = traced(plane, str(caller))
        assert joined is not None
        assert (joined.trace_id, joined.flags, joined.span_id != caller.span_id) == (caller.trace_id, "01", True)


def traced(plane: DataPlane, traceparent: str) -> TraceContext | None:
    context: RequestContext = plane.context("rest")
    plane.trace(context, traceparent)
    return context.trace


@in_loop
async def test_it_is_ready_from_when_it_has_loaded_until_it_drains() -> None:
    async with serving_session(Free()) as (plane, _):
        states = []
        for plane.loaded, plane.draining in ((False, False), (True, False), (True, True)):
            states.append(plane.ready)
        assert states == [False, True, False]


@in_loop
async def test_work_in_turns_gives_all_of_it_and_ends_with_the_requests_time_or_with_its_client() -> None:
    async with serving_session(Free(), timeout=SECONDS) as (plane, _):
        context = plane.context("rest")
        assert await plane.in_turns(iter("ab"), context) == ["a", "b"]
        with pytest.raises(DeadlinePassed, match=r"not answered within 0\.01 s"):
            await plane.in_turns(itertools.repeat("a"), plane.context("rest"), 0.01)
        endless = asyncio.ensure_future(plane.in_turns(itertools.repeat("a"), context))
        await until(lambda: bool(plane.turns.works))
        context.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless
        await until(lambda: not plane.turns.works)
