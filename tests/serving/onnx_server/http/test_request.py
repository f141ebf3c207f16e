"""A body is taken within its limits, a client that has gone is noticed, and an answer has its length."""

import asyncio

import pytest

from tests.serving.onnx_server.in_process import Line
from tests.serving.onnx_server.models.held import until
from tests.serving.wire import SECONDS, head, in_loop
from torchferry.serving.errors import ClientGone, RequestError, TooLarge, TooSlow
from torchferry.serving.onnx_server.http.request import SMALL, HttpRequest

LIMIT = 100


class Reading:
    """An application that reads one body, or says why not."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.found: bytes | RequestError | None = None

    async def __call__(self, request: HttpRequest) -> None:
        try:
            self.found = await request.body(LIMIT, self.seconds)
        except RequestError as error:
            self.found = error
        request.answer(200, b"read")


async def read(content: bytes, **headers: str) -> bytes | RequestError | None:
    reading = Reading()
    await Line(reading).ask("/", content, **headers)
    return reading.found


@in_loop
@pytest.mark.parametrize("length", [0, 1, LIMIT])
async def test_a_body_up_to_the_limit_is_read(length: int) -> None:
    assert await read(b"a" * length) == b"a" * length


@in_loop
async def test_a_body_above_the_limit_is_refused() -> None:
    found = await read(b"a" * (LIMIT + 1))
    assert isinstance(found, TooLarge)
    assert str(found) == "the body has more than 100 bytes"


@in_loop
async def test_a_body_that_comes_in_pieces_is_put_together() -> None:
    reading = Reading()
    line = Line(reading)
    line.send(head("/", 6) + b"abc")
    await asyncio.sleep(0)
    assert reading.found is None
    line.send(b"def")
    await until(lambda: reading.found == b"abcdef")


@in_loop
async def test_a_body_without_a_length_ends_at_the_limit() -> None:
    reading = Reading()
    line = Line(reading)
    line.send(head("/", 0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked"))
    line.send(b"65\r\n" + b"a" * 0x65 + b"\r\n")
    await until(lambda: isinstance(reading.found, TooLarge))


@in_loop
async def test_a_body_that_does_not_come_is_too_slow() -> None:
    reading = Reading(seconds=0.01)
    Line(reading).send(head("/", 6) + b"abc")
    await until(lambda: isinstance(reading.found, TooSlow))
    assert str(reading.found) == "the body did not arrive within 0.01 s"


@in_loop
async def test_a_client_that_goes_while_it_sends_is_gone() -> None:
    reading = Reading()
    line = Line(reading)
    line.send(head("/", 6) + b"abc")
    await asyncio.sleep(0)
    line.lose()
    await until(lambda: isinstance(reading.found, ClientGone))


@in_loop
async def test_who_is_to_be_told_is_told_once_that_the_client_has_gone() -> None:
    told: list[BaseException] = []

    asked: list[HttpRequest] = []

    def wait(request: HttpRequest) -> None:
        request.gone = told.append
        asked.append(request)

    line = Line(wait)
    line.send(head("/", 0))
    line.lose()
    asked[0].lose(ClientGone())
    assert [type(error) for error in told] == [ClientGone]


@in_loop
async def test_an_answered_request_tells_nobody_and_is_answered_once() -> None:
    told: list[BaseException] = []

    def answer(request: HttpRequest) -> None:
        request.gone = told.append
        request.answer(200, b"first")
        request.answer(200, b"second")

    line = Line(answer)
    assert (await line.ask("/")).body == b"first"
    line.lose()
    assert not told
    assert len(line.transport.writes) == 1


@in_loop
async def test_a_length_may_begin_with_zeros() -> None:
    reading = Reading()
    line = Line(reading)
    line.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"0" * 5000 + b"2\r\n\r\nab")
    await until(lambda: reading.found is not None)
    assert reading.found == b"ab"


@in_loop
async def test_many_small_parts_are_kept_as_one() -> None:
    asked: list[HttpRequest] = []
    line = Line(asked.append)
    sent = [bytes([97 + number % 26]) * 2 for number in range(1000)]
    large = b"A" * SMALL
    line.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    for part in (*sent, large, *sent):
        line.send(b"%x\r\n%s\r\n" % (len(part), part))
    (request,) = asked
    assert len(request.parts) == 4
    assert b"".join(request.parts) == b"".join([*sent, large, *sent])
    line.lose()


@in_loop
@pytest.mark.parametrize("keeps", [True, False])
async def test_the_bytes_of_a_body_stay_counted_until_whoever_takes_it_has_them(keeps: bool) -> None:
    kept: list[int] = []

    def application(request: HttpRequest) -> None:
        def take(_body: bytes | RequestError) -> None:
            assert intake.bytes.taken == 5
            if keeps:
                kept.append(request.keep())

        request.take_body(LIMIT, SECONDS, take)

    line = Line(application)
    intake = line.protocol.port.intake
    line.send(head("/", 6) + b"abcde")
    assert (intake.bodies.taken, intake.bytes.taken) == (1, 5)
    line.send(b"f")
    assert (intake.bodies.taken, intake.bytes.taken, kept) == (0, *((5, [5]) if keeps else (0, [])))
