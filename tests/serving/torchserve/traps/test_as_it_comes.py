"""A server with the settings that it comes with, under load and beside another."""

import http.server
import importlib.metadata
import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import psutil
import pytest
import urllib3

from tests.http_server import http_server
from tests.serving.torchserve.traps.sides import (
    IMAGE,
    MODEL,
    ONE_WORKER,
    AnyServer,
    OurServer,
    Start,
    ask,
    ask_at_once,
    computing_threads,
    described,
    get,
    graph_of,
    hanging,
    has_ended,
    images,
    seconds_of_threads,
    trap,
    workers_of,
)
from tests.serving.torchserve.traps.stock import QUICK_START, stock_archive, until
from torchferry.serving.codec import predictions_grpc


@pytest.fixture(scope="class")
def plain(start: Start, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> AnyServer:
    archives = [start.archive(bundle)]
    if start.side == "stock":
        folder = tmp_path_factory.mktemp("shipped")
        archives.append(stock_archive("shipped", graph_of(bundle), folder, ONE_WORKER, "image_classifier"))
    with two_cores():
        settings = QUICK_START | {"metrics_mode": "prometheus"}
        return start.ready(*archives, settings=settings, python=sys.executable)


class TestAsItComes:
    @pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is but one core")
    @trap("as many workers as cores, each with as many threads")
    def test_no_more_threads_compute_than_there_are_cores(self, plain: AnyServer) -> None:
        before = {worker: seconds_of_threads(worker) for worker in workers_of(plain)}
        assert set(ask_at_once(plain, *[images(1000)] * 16)) == {200}
        assert sum(computing_threads(worker, times) for worker, times in before.items()) <= 2

    @trap("it is 27")
    def test_a_request_is_no_line_of_the_log(self, plain: AnyServer) -> None:
        before = plain.lines_logged()
        for _ in range(50):
            assert ask(plain)[0] == 200
        assert plain.lines_logged() - before < 50

    @trap("its sum of inference times stands still")
    def test_grpc_is_measured(self, plain: AnyServer) -> None:
        until(lambda: inference_time(plain) > 0)
        before = inference_time(plain)
        with grpc.insecure_channel(plain.addresses["grpc"], [("grpc.enable_http_proxy", 0)]) as channel:
            request = predictions_grpc.Request(model_name=MODEL, input={"data": IMAGE})
            predictions_grpc.predictions(channel)(request, timeout=60)
        assert inference_time(plain) > before

    @trap("only the management API has it")
    def test_the_queues_depth_is_on_the_metrics_page(self, plain: AnyServer) -> None:
        with hanging(plain) as workers, ThreadPoolExecutor(9) as threads:
            for _ in range(len(workers) + 1):
                threads.submit(ask, plain)
            until(lambda: described(plain)["jobQueueStatus"]["pendingRequests"] == 1)
            page = get(plain, "metrics")[1]
            for worker in workers:
                worker.resume()
        assert re.search(r"^\S*queue_(depth|length|size)\S* 1\.0$", page, re.MULTILINE)

    @trap("413: no more than 6.5 MB are")
    def test_seven_megabytes_are_read(self, plain: AnyServer) -> None:
        assert ask(plain, b"not an image" + bytes(7_000_000))[0] == 400

    @trap("allowed_urls allows every one")
    def test_a_url_is_not_fetched(self, plain: AnyServer) -> None:
        with somebodys_server() as (url, fetched):
            answer = urllib3.request("POST", f"{plain.addresses['management']}/models?url={url}/any.mar")
            assert (400 <= answer.status < 500, fetched) == (True, [])

    @trap("503: base_handler calls the session as a function")
    def test_an_onnx_graph_answers_an_image(self, plain: AnyServer, samples: Path) -> None:
        model = MODEL if isinstance(plain, OurServer) else "shipped"
        assert ask(plain, next(samples.glob("*/*.png")).read_bytes(), model)[0] == 200

    @trap("the second finds the pid file of the first, and gives up")
    def test_two_live_beside_each_other(self, start: Start, plain: AnyServer, bundle: Path) -> None:
        archives = [start.archive(bundle)] if start.side == "ours" else []
        second = start(*archives, beside=plain)
        until(lambda: has_ended(second) or second.says_ready())
        assert not has_ended(second)
        second.end()
        second.process.wait(60)
        assert ask(plain)[0] == 200

    @trap("Java lives on, and answers")
    def test_nothing_outlives_a_killed_launcher(self, plain: AnyServer) -> None:
        started = psutil.Process(plain.process.pid).children(recursive=True)
        plain.process.kill()
        plain.process.wait()
        alive = psutil.wait_procs(started, timeout=10)[1]
        try:
            assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
        finally:
            for process in alive:
                with suppress(psutil.NoSuchProcess):
                    process.kill()


@trap("PyYAML, which ts/ imports, is not")
def test_what_a_worker_imports_is_declared(side: str) -> None:
    package = {"ours": "torchferry", "stock": "torchserve"}[side]
    assert [line for line in importlib.metadata.requires(package) or [] if line.startswith("PyYAML")]


def inference_time(server: AnyServer) -> float:
    """The sum of all that the page counts, in whatever unit."""
    names = "ts_inference_latency_microseconds|torchferry_serve_inference_duration_seconds_sum"
    return sum(map(float, re.findall(rf"^(?:{names}){{.*}} (\S+)$", get(server, "metrics")[1], re.MULTILINE)))


@contextmanager
def two_cores() -> Iterator[None]:
    """What is started meanwhile has no more, wherever the tests run."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(all_of_them)[:2])
    try:
        yield
    finally:
        os.sched_setaffinity(0, all_of_them)


@contextmanager
def somebodys_server() -> Iterator[tuple[str, list[str]]]:
    """Its URL, and the paths that were fetched from it."""
    fetched: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            fetched.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *_: object) -> None:
            """`fetched` knows."""

    with http_server(Answer) as url:
        yield url, fetched
