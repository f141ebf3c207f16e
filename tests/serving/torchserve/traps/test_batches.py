"""A batch, in which one request may be wrong."""

from pathlib import Path

import pytest

from tests.serving.torchserve.traps.sides import (
    IMAGE,
    ONE_WORKER,
    AnyServer,
    Start,
    ask_at_once,
    trap,
)
from torchferry.serving.torchserve.archive import Serving

BATCHES = ONE_WORKER | {"batchSize": 4, "maxBatchDelay": 1000}
OUR_BATCHES = Serving(batch_size=4, batch_delay_ms=1000)


@pytest.fixture(scope="class")
def batching(start: Start, bundle: Path) -> AnyServer:
    return start.ready(start.archive(bundle, BATCHES, OUR_BATCHES))


@pytest.fixture(scope="class")
def ticketed(start: Start, bundle: Path, batching: AnyServer) -> AnyServer:
    stock = BATCHES | {"useJobTicket": True}
    return batching if start.side == "ours" else start.ready(start.archive(bundle, stock))


class TestABatch:
    @trap("its whole batch is answered 503")
    def test_one_bad_request_harms_no_other_of_its_batch(self, batching: AnyServer) -> None:
        assert ask_at_once(batching, IMAGE, b"not an image", IMAGE, IMAGE) == [200, 400, 200, 200]

    @trap("with useJobTicket three of four are answered 503")
    def test_requests_of_one_batch_are_all_answered(self, ticketed: AnyServer) -> None:
        assert ask_at_once(ticketed, *[IMAGE] * 4) == [200] * 4
