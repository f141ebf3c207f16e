"""So many requests come in at a time and no more, none after it has closed, and the client that has most gives way."""

import asyncio
from collections.abc import Callable

import pytest

from tests.serving.onnx_server.models.held import Request, until
from tests.serving.wire import in_loop
from torchferry.serving.errors import Overloaded, UnknownModel
from torchferry.serving.onnx_server.models.admission import Admission


def admission_of(limit: int = 2, expected_wait: float = 0.0) -> Admission:
    return Admission("digits", limit, lambda: expected_wait)


def entered(admission: Admission, *clients: str, is_waiting: bool = True) -> list[Request]:
    requests = [Request(admission, client, is_waiting=is_waiting) for client in clients]
    for request in requests:
        admission.enter(request)
    return requests


def turned_away(admission: Admission, client: str) -> bool:
    for ask in (lambda: admission.check(client), lambda: admission.enter(Request(admission, client))):
        with pytest.raises(Overloaded, match=r"digits has more requests than it can answer: its queue is full$"):
            ask()
    return True


@in_loop
async def test_whoever_comes_beyond_the_limit_is_turned_away_until_somebody_goes() -> None:
    admission = admission_of(limit=2)
    first, _ = entered(admission, "a", "a")
    assert turned_away(admission, "a")
    assert admission.inside == 2
    admission.leave(first)
    entered(admission, "a")
    assert admission.inside == 2


@in_loop
async def test_a_client_with_less_takes_the_newest_place_of_the_one_with_most() -> None:
    admission = admission_of(limit=6)
    much = entered(admission, "much", "much", "some", "some", "much", "much")
    admission.check("new")
    entered(admission, "new")
    assert [str(request.ended) for request in much if request.ended] == [
        "digits has more requests than it can answer: its queue is full, and this client has the most in it"
    ]
    assert much[-1].ended
    assert {client: len(own) for client, own in admission.of.items()} == {"much": 3, "some": 2, "new": 1}
    entered(admission, "new")
    assert much[-2].ended
    assert turned_away(admission, "new")  # all have two now
    assert turned_away(admission, "much")
    assert admission.inside == 6


@in_loop
async def test_what_a_session_computes_gives_no_place_away() -> None:
    admission = admission_of(limit=5)
    computed = entered(admission, "much", "much", "much", is_waiting=False)
    waiting = entered(admission, "some", "some")
    entered(admission, "new")
    assert [request.ended is None for request in (*computed, *waiting)] == [True, True, True, True, False]
    assert turned_away(admission, "other")


@in_loop
async def test_room_is_made_among_those_that_are_named() -> None:
    admission = admission_of(limit=100)
    first, second, third = entered(admission, "much", "much", "much")
    chosen: Callable[[object], bool] = lambda request: request is second  # noqa: E731
    admission.make_room("new", "half of it is full", chosen)
    assert "half of it is full, and this client has the most" in str(second.ended)
    assert first.ended is third.ended is None
    with pytest.raises(Overloaded, match=r"half of it is full$"):
        admission.make_room("new", "half of it is full", chosen)


@in_loop
async def test_who_has_left_is_forgotten() -> None:
    admission = admission_of()
    for request in entered(admission, "a", "b"):
        admission.leave(request)
    assert (admission.of, admission.inside) == ({}, 0)


@in_loop
@pytest.mark.parametrize(("expected_wait", "seconds"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.01, 2), (9.5, 10)])
async def test_the_time_to_come_again_is_the_expected_wait_in_whole_seconds(expected_wait: float, seconds: int) -> None:
    assert admission_of(expected_wait=expected_wait).overloaded("full").retry_after == seconds


@in_loop
async def test_closing_waits_for_everybody_inside_and_lets_nobody_in() -> None:
    admission = admission_of()
    requests = entered(admission, "a", "b")
    closing = asyncio.create_task(admission.close())
    await until(lambda: admission.closed)
    with pytest.raises(UnknownModel, match="digits is being unloaded"):
        entered(admission, "a")
    admission.leave(requests[0])
    await asyncio.sleep(0)
    assert not closing.done()
    admission.leave(requests[1])
    await closing


@in_loop
async def test_an_empty_room_closes_at_once() -> None:
    await admission_of().close()


@in_loop
async def test_a_request_that_would_pass_its_deadline_is_turned_away_unless_its_client_goes_before_others() -> None:
    waits = {None: 10.0, "much": 8.0, "new": 1.0}
    admission = Admission("digits", 2, lambda client=None, **_: waits[client])
    admission.check_time("much", 11, interactive=True)
    admission.check_time("new", 2, interactive=True)
    with pytest.raises(Overloaded, match="it would pass its deadline in the queue") as refused:
        admission.check_time("much", 2, interactive=True)
    assert refused.value.retry_after == 10
