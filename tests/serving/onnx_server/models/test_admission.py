"""So many requests come in at a time and no more, and none after it has closed."""

import asyncio

import pytest

from tests.serving.onnx_server.models.held import until
from tests.serving.wire import in_loop
from torchferry.serving.errors import Overloaded, UnknownModel
from torchferry.serving.onnx_server.models.admission import Admission


def admission_of(limit: int = 2, expected_wait: float = 0.0) -> Admission:
    return Admission("digits", limit, lambda: expected_wait)


@in_loop
async def test_whoever_comes_beyond_the_limit_is_turned_away_until_somebody_goes() -> None:
    admission = admission_of(limit=2)
    admission.enter()
    admission.enter()
    with pytest.raises(Overloaded, match="digits has more requests than it can answer: its queue is"):
        admission.enter()
    assert admission.inside == 2
    admission.leave()
    admission.enter()
    assert admission.inside == 2


@in_loop
@pytest.mark.parametrize(("expected_wait", "seconds"), [(0.0, 1), (0.2, 1), (1.0, 1), (1.01, 2), (9.5, 10)])
async def test_the_time_to_come_again_is_the_expected_wait_in_whole_seconds(expected_wait: float, seconds: int) -> None:
    assert admission_of(expected_wait=expected_wait).overloaded("full").retry_after == seconds


@in_loop
async def test_closing_waits_for_everybody_inside_and_lets_nobody_in() -> None:
    admission = admission_of()
    admission.enter()
    admission.enter()
    closing = asyncio.create_task(admission.close())
    await until(lambda: admission.closed)
    with pytest.raises(UnknownModel, match="digits is being unloaded"):
        admission.enter()
    admission.leave()
    await asyncio.sleep(0)
    assert not closing.done()
    admission.leave()
    await closing


@in_loop
async def test_an_empty_room_closes_at_once() -> None:
    await admission_of().close()
