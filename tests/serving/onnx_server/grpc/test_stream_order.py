"""Of a stream's requests, those of one sequence wait for each other; others do not."""

import asyncio
from typing import Any

from tritonclient.grpc import service_pb2 as messages

from tests.serving.wire import in_loop
from torchferry.serving.onnx_server.grpc.stream_order import StreamOrder


def request(model: str = "adding", **word: Any) -> Any:
    made = messages.ModelInferRequest(model_name=model)
    for field, value in word.items():
        setattr(made.parameters["sequence_id"], field, value)
    return made


@in_loop
async def test_a_request_waits_for_the_one_before_of_its_sequence_alone() -> None:
    order = StreamOrder()
    works = [asyncio.get_running_loop().create_future() for _ in range(2)]
    assert order.before(request(int64_param=1)) is None
    order.begun(request(int64_param=1), works[0])
    assert order.before(request(int64_param=1)) is works[0]
    for other in (request(int64_param=2), request(string_param="1"), request("others", int64_param=1), request()):
        assert order.before(other) is None
    order.begun(request(int64_param=1), works[1])
    works[0].set_result(None)
    await asyncio.sleep(0)
    assert order.before(request(int64_param=1)) is works[1]


@in_loop
async def test_what_is_done_is_forgotten() -> None:
    order, work = StreamOrder(), asyncio.get_running_loop().create_future()
    order.begun(request(string_param="a"), work)
    work.set_result(None)
    await asyncio.sleep(0)
    assert order.last == {}


def test_a_request_of_no_sequence_stays_as_it_is() -> None:
    order, asked = StreamOrder(), request()
    assert order.before(asked) is None
    assert not asked.parameters
    empty = messages.ModelInferRequest(model_name="adding")
    empty.parameters["sequence_id"].SetInParent()
    assert order.before(empty) is None
