"""TorchServe's call is answered with labels, and refused with a status."""

import json
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.serving.onnx_server.in_process import Call, serving_bundles
from tests.serving.tiny_bundle import written
from tests.serving.wire import in_loop
from torchferry.serving.codec.predictions_grpc import Request
from torchferry.serving.onnx_server.dataplane import DataPlane
from torchferry.serving.onnx_server.grpc.predictions import Predictions

ROW = b"0.25,0.75"
TRACE = "0af7651916cd43dd8448eb211c80319c"


async def ask(plane: DataPlane, request: Any, context: Any) -> Any:
    return await Predictions(plane)(request, context)


async def refusal(plane: DataPlane, request: Any, left: float | None = None) -> Call:
    context = Call(left=left)
    with pytest.raises(grpc.aio.AbortError):
        await ask(plane, request, context)
    return context


@in_loop
@pytest.mark.parametrize("given", [{"data": ROW}, {"body": ROW}, {"data": ROW, "top_k": b"5"}])
async def test_the_body_called_data_or_else_body_is_answered_with_labels(
    tmp_path: Path, given: dict[str, bytes]
) -> None:
    async with serving_bundles(written(tmp_path)) as plane:
        answer = json.loads((await ask(plane, Request(model_name="tiny", input=given), Call())).prediction)
    assert (answer["model"], answer["label"], answer["probability"]) == ("tiny", "yes", 0.75)


@in_loop
async def test_the_answer_carries_its_stages_and_the_callers_trace(tmp_path: Path) -> None:
    context = Call([("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")])
    async with serving_bundles(written(tmp_path)) as plane:
        await ask(plane, Request(model_name="tiny", input={"data": ROW}), context)
    assert "inference;dur=" in context.trailing["server-timing"]
    assert TRACE in context.trailing["traceparent"]


@in_loop
@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (Request(model_name="nobody"), grpc.StatusCode.NOT_FOUND, "there is no model 'nobody'"),
        (Request(model_name="tiny", model_version="9"), grpc.StatusCode.NOT_FOUND, "tiny has no version '9'"),
        (Request(model_name="tiny", input={"data": b"a,b"}), grpc.StatusCode.INVALID_ARGUMENT, "neither JSON nor"),
        (Request(model_name="tiny", input={"file": ROW}), grpc.StatusCode.INVALID_ARGUMENT, "the input has file; it"),
        (Request(model_name="tiny", input={"data": ROW, "body": ROW}), grpc.StatusCode.INVALID_ARGUMENT, "has one of"),
        (Request(model_name="tiny", input={"top_k": b"3"}), grpc.StatusCode.INVALID_ARGUMENT, "the input has nothing;"),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    tmp_path: Path, request_: Any, code: grpc.StatusCode, words: str
) -> None:
    async with serving_bundles(written(tmp_path)) as plane:
        context = await refusal(plane, request_)
    assert context.code is code
    assert words in context.details


@in_loop
async def test_a_call_without_time_left_is_past_its_deadline(tmp_path: Path) -> None:
    async with serving_bundles(written(tmp_path)) as plane:
        context = await refusal(plane, Request(model_name="tiny", input={"data": ROW}), left=0.0)
    assert context.code is grpc.StatusCode.DEADLINE_EXCEEDED


@in_loop
async def test_a_full_queue_says_when_to_come_again_and_every_place_is_given_back(tmp_path: Path) -> None:
    async with serving_bundles(written(tmp_path)) as plane:
        admission = plane.repository.find("tiny").admission
        admission.limit = 0
        context = await refusal(plane, Request(model_name="tiny", input={"data": ROW}))
        said = {"error-code": "overloaded", "retry-after": "1", "server-timing": "decode;dur=0.000"}
        assert (context.code, context.trailing) == (grpc.StatusCode.RESOURCE_EXHAUSTED, said)
        admission.limit = 1
        await refusal(plane, Request(model_name="tiny", input={"data": b"a,b"}))
        assert admission.inside == 0


@in_loop
async def test_the_time_of_writing_is_counted(tmp_path: Path) -> None:
    async with serving_bundles(written(tmp_path)) as plane:
        await ask(plane, Request(model_name="tiny", input={"data": ROW}), Call())
        statistics = plane.repository.find("tiny").statistics
        statistics.add_up()
        assert statistics.seconds["encode"] > 0
