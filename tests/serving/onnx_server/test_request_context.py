"""A request knows how long each stage took that it passed."""

import numpy as np

from tests.serving.wire import in_loop
from torchferry.serving.onnx_server.inference import Work
from torchferry.serving.onnx_server.request_context import STAGES, RequestContext


def context() -> RequestContext:
    return RequestContext("rest")


def computed(queued: float, started: float, finished: float, delayed: float = 0.0) -> Work:
    """As the scheduler leaves it."""
    work = Work({"x": np.zeros((1, 2))}, lambda _: None)
    work.queued, work.started, work.finished, work.delayed = queued, started, finished, delayed
    return work


@in_loop
async def test_the_stages_share_the_time_from_the_queue_to_the_answer() -> None:
    one = context()
    one.decode, one.encode = 0.5, 0.25
    one.work = computed(queued=10.0, started=13.0, finished=17.0, delayed=1.0)
    assert one.stages() == (0.5, 2.0, 1.0, 4.0, 0.25)
    assert STAGES == ("decode", "queue", "batch_wait", "inference", "encode")


@in_loop
async def test_what_was_not_computed_has_only_been_decoded() -> None:
    one = context()
    one.decode = 0.5
    one.work = computed(queued=10.0, started=13.0, finished=0.0)
    assert one.stages() == (0.5,)


def test_the_stages_stay_as_they_were_first_asked_for() -> None:
    one = context()
    one.decode = 0.5
    assert one.stages() == (0.5,)
    one.decode = 1.0
    assert one.stages() == (0.5,)


@in_loop
async def test_the_clients_timing_is_in_milliseconds() -> None:
    one = context()
    one.decode = 0.0015
    one.work = computed(queued=1.0, started=1.5, finished=3.5)
    said = "decode;dur=1.500, queue;dur=500.000, batch_wait;dur=0.000, inference;dur=2000.000, encode;dur=0.000"
    assert one.timing() == said
