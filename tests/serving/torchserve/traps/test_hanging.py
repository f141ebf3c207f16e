"""A model that computes for longer than anybody waits."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.serving.torchserve.traps.sides import (
    NOT_ANSWERED,
    ONE_WORKER,
    AnyServer,
    Start,
    ask,
    hanging,
    trap,
)

needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@pytest.fixture(scope="class")
def impatient(start: Start, bundle: Path) -> AnyServer:
    archive = start.archive(bundle, ONE_WORKER | {"responseTimeout": 1})
    return start.ready(archive, options=("--gateway", "nginx", "--timeout", 1))


@pytest.fixture(scope="class")
def forgetful(start: Start, bundle: Path, impatient: AnyServer) -> AnyServer:
    stock = ONE_WORKER | {"clientTimeoutInMills": 1000}
    return impatient if start.side == "ours" else start.ready(start.archive(bundle, stock))


@needs_nginx
class TestAHangingModel:
    @trap("responseTimeout kills the worker, which is a 500")
    def test_it_is_a_504_and_costs_no_worker(self, impatient: AnyServer) -> None:
        with hanging(impatient) as [worker]:
            status, _ = ask(impatient)
            assert (status, worker.is_running()) == (504, True)

    @trap("with clientTimeoutInMills a request that waited too long gets no answer at all")
    def test_who_waited_for_too_long_is_told(self, forgetful: AnyServer) -> None:
        with ThreadPoolExecutor(2) as threads:
            with hanging(forgetful):
                asked = [threads.submit(ask, forgetful, patience=8) for _ in range(2)]
                time.sleep(2)  # so that both have
            assert NOT_ANSWERED not in [request.result()[0] for request in asked]
