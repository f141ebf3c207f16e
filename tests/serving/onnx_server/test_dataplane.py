"""The data plane behind every protocol: readiness, traces, and the counted outcomes."""

import asyncio

import pytest

from tests.serving.onnx_server.in_process import serving_session
from tests.serving.onnx_server.test_exchange import Free, counted
from tests.serving.wire import in_loop
from torchferry.serving.errors import ClientGone, DeadlinePassed, Overloaded, WrongTensor
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.request_context import RequestContext
from torchferry.serving.onnx_server.trace_context import TraceContext


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
        context = RequestContext("rest")
        context.model = model
        plane.finished(context, error)
        assert counted(plane, outcome) == 1
        assert model.statistics.failed == 1


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
    context = RequestContext("rest")
    plane.trace(context, traceparent)
    return context.trace


@in_loop
async def test_it_is_ready_from_when_it_has_loaded_until_it_drains() -> None:
    async with serving_session(Free()) as (plane, _):
        states = []
        for plane.repository.absent.is_starting, plane.draining in ((True, False), (False, False), (False, True)):
            states.append(plane.ready)
        assert states == [False, True, False]
        plane.draining = False
        models, plane.repository.models = plane.repository.models, {}
        assert not plane.ready  # none is left
        plane.repository.models = models
