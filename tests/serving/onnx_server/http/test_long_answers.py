"""Long answers go out in parts, in their place, while their client reads."""

import asyncio

from tests.serving.onnx_server.http.lines import written
from tests.serving.onnx_server.in_process import Line
from tests.serving.onnx_server.models.held import until
from tests.serving.wire import head, in_loop
from torchferry.serving.onnx_server.http.connection import IDLE_SECONDS, PART
from torchferry.serving.onnx_server.http.request import HttpRequest

LONG = [bytes([65 + number]) * 100_000 for number in range(20)]


def long_or_short(request: HttpRequest) -> None:
    request.answer(200, LONG if request.path == "/long" else b"short")


async def begun(line: Line) -> None:
    """Its first part alone is written."""
    while not line.transport.writes:
        await asyncio.sleep(0)


def bodies(line: Line) -> list[bytes]:
    return [part.partition(b"\r\n\r\n")[2] for part in written(line).split(b"HTTP/1.1 ")[1:]]


@in_loop
async def test_a_long_answer_goes_out_in_parts_and_in_its_place() -> None:
    line = Line(long_or_short)
    rounds = 0
    line.send(head("/", 0) + head("/long", 0) + head("/long", 0) + head("/", 0))
    while len(bodies(line)) < 4 or line.protocol.unsent:
        await asyncio.sleep(0)
        rounds += 1
    assert bodies(line) == [b"short", b"".join(LONG), b"".join(LONG), b"short"]
    assert max(map(len, line.transport.writes)) < 2 * PART
    assert rounds > 10


@in_loop
async def test_the_rest_of_a_long_answer_waits_until_the_client_reads() -> None:
    line = Line(long_or_short)
    line.send(head("/long", 0))
    await begun(line)
    line.protocol.pause_writing()
    line.send(head("/", 0))
    for _ in range(5):
        await asyncio.sleep(0)
    assert len(line.transport.writes) == 1
    line.protocol.resume_writing()
    await until(lambda: len(bodies(line)) == 2)
    assert bodies(line) == [b"".join(LONG), b"short"]


@in_loop
async def test_a_connection_ends_behind_its_long_answer_unless_it_has_to_end_now() -> None:
    line = Line(long_or_short)
    line.send(head("/long", 0, Connection="close"))
    assert not line.transport.closed
    line.protocol.end_when_idle()
    await until(lambda: line.transport.closed)
    assert bodies(line) == [b"".join(LONG)]
    cut = Line(long_or_short)
    cut.send(head("/long", 0))
    await begun(cut)
    cut.protocol.end(asyncio.CancelledError())
    assert cut.transport.closed
    assert len(written(cut)) < 2_000_000


@in_loop
async def test_a_long_answer_is_not_idle_and_is_dropped_with_its_connection() -> None:
    line = Line(long_or_short)
    line.send(head("/long", 0))
    line.protocol.look_at_clock(asyncio.get_running_loop().time() + IDLE_SECONDS + 1)
    assert not line.transport.closed
    await begun(line)
    line.lose()
    before = len(line.transport.writes)
    await asyncio.sleep(0)
    assert len(line.transport.writes) == before
    assert not line.protocol.unsent


@in_loop
async def test_a_head_of_a_long_answer_has_its_length() -> None:
    line = Line(long_or_short)
    line.send(head("/long", 0, "HEAD"))
    assert b"content-length: 2000000\r\n" in written(line)
    assert bodies(line) == [b""]
