"""A server whose only worker is busy, killed or asked to end."""

import shutil
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.serving.torchserve.traps.sides import (
    ONE_WORKER,
    AnyServer,
    Start,
    ask,
    get,
    hanging,
    ready_workers,
    refuses,
    told,
    trap,
    workers_of,
)
from tests.serving.torchserve.traps.stock import QUICK_START, until

needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@pytest.fixture(scope="class")
def single(start: Start, bundle: Path) -> AnyServer:
    options = ("--gateway", "nginx", "--max-queue", 1)
    settings = QUICK_START | {"job_queue_size": "1"}
    return start.ready(start.archive(bundle, ONE_WORKER), options=options, settings=settings)


@needs_nginx
class TestOneWorker:
    @trap("503, and that the model 'has no worker'")
    def test_a_full_queue_says_when_to_come_again(self, single: AnyServer) -> None:
        with ThreadPoolExecutor(4) as threads, hanging(single):
            asked = [threads.submit(told, single) for _ in range(4)]
            until(lambda: any(request.done() for request in asked))
            assert {request.result() for request in asked if request.done()} == {"429, again 1"}

    @trap("who was under way is answered 500 or 507")
    def test_a_killed_worker_costs_nobody_an_error(self, single: AnyServer) -> None:
        with ThreadPoolExecutor(1) as threads, hanging(single) as [worker]:
            asked = asked_of_a_worker(single, threads)
            worker.kill()
            assert asked.result() in {"200", "503, again 1"}

    @trap("/ping is healthy while the only worker is dead")
    def test_a_server_without_a_worker_is_not_ready(self, single: AnyServer) -> None:
        until(lambda: ready_workers(single) == 1)
        workers_of(single)[0].kill()
        until(lambda: ready_workers(single) == 0)
        said = set()
        while ready_workers(single) == 0:
            said.add(get(single, "ready")[0])
        assert 503 in said

    @trap("torchserve --stop cuts the connection")
    def test_what_is_under_way_at_the_end_is_answered(self, single: AnyServer) -> None:
        until(lambda: ask(single)[0] == 200)
        with ThreadPoolExecutor(1) as threads:
            with hanging(single):
                asked = asked_of_a_worker(single, threads)
                single.end()
                until(lambda: asked.done() or refuses(single))
            assert asked.result() == "200"


def asked_of_a_worker(server: AnyServer, threads: ThreadPoolExecutor) -> Future[str]:
    asked = threads.submit(told, server)
    time.sleep(1)  # nothing says when a worker has it
    return asked
