"""What the README's table of traps says, shown of both: stock TorchServe falls into each, ours does not."""

import http.server
import importlib.metadata
import json
import os
import re
import shutil
import threading
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import psutil
import pytest
import urllib3

from serving import predictions_grpc
from serving.torchserve.archive import Serving
from serving.torchserve.settings import LOOPBACK
from tests.serving.onnx_server import altered
from tests.serving.torchserve.stock import QUICK_START, stock_archive, until
from tests.serving.torchserve.stock_sides import (
    IMAGE,
    MODEL,
    NOT_ANSWERED,
    TRAPS,
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
    ready_workers,
    refuses,
    seconds_of_threads,
    told,
    trap,
    workers_of,
)

ONE_WORKER = {"minWorkers": 1, "maxWorkers": 1}
BATCHES = ONE_WORKER | {"batchSize": 4, "maxBatchDelay": 1000}
OUR_BATCHES = Serving(batch_size=4, batch_delay_ms=1000)
TOKEN = "chosen-by-us"
needs_nginx = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


@pytest.fixture(scope="class", params=["ours", "stock"])
def side(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def trapped(request: pytest.FixtureRequest, side: str) -> None:
    """Stock TorchServe has to fail, at an assertion of the test: what sets it up has run before this."""
    if side == "stock":
        reason = TRAPS[request.function.__qualname__]
        request.applymarker(pytest.mark.xfail(strict=True, raises=AssertionError, reason=reason))


@pytest.fixture(scope="class")
def start(side: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    start = Start(side, tmp_path_factory.mktemp(side))
    yield start
    start.stop()


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


class TestAtItsStart:
    @trap("it is only logged, and /ping is healthy")
    def test_a_model_that_cannot_be_loaded_ends_it_with_the_reason(
        self, start: Start, bundle: Path, tmp_path: Path
    ) -> None:
        archive = start.archive(altered.unloadable(bundle, tmp_path, "1.0"), ONE_WORKER)
        server = start(archive)
        until(lambda: "InvalidProtobuf" in server.log.read_text())
        until(lambda: has_ended(server) or server.says_ready())
        assert server.process.poll() == 1

    @trap("it is served")
    def test_an_altered_archive_ends_it_with_the_reason(self, start: Start, bundle: Path) -> None:
        archive = start.archive(bundle, ONE_WORKER)
        flip_a_byte_of_the_graph(archive)
        server = start(archive)
        until(lambda: has_ended(server) or server.serves())
        assert (server.process.poll(), "model.onnx: is damaged" in server.log.read_text()) == (1, True)

    @trap("/ping is healthy with none")
    def test_no_model_ends_it(self, start: Start) -> None:
        server = start()
        until(lambda: has_ended(server) or server.says_ready())
        assert server.process.poll() == 2

    @trap("a snapshot of the first start decides")
    def test_a_second_start_has_its_own_settings(self, start: Start, bundle: Path, tmp_path: Path) -> None:
        archives = [start.archive(bundle)] if start.side == "ours" else []
        first = start.ready(*archives, folder=tmp_path)
        first.end()
        first.process.wait(60)
        second = start(*archives, folder=tmp_path)
        until(lambda: has_ended(second) or second.says_ready() or not refuses(first))
        assert refuses(first)


@pytest.fixture(scope="class")
def guarded(start: Start, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> AnyServer:
    """Stock's has no model, which answers would need its keys for."""
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "tokens").write_text(f"somebody {TOKEN}\n")
    key = {"key": TOKEN, "expiration time": "2999-01-01T00:00:00Z"}
    (folder / "key_file.json").write_text(json.dumps(dict.fromkeys(("inference", "management", "API"), key)))
    archives = [start.archive(bundle)] if start.side == "ours" else []
    options = ("--gateway", "nginx", "--tokens", folder / "tokens")
    return start.ready(*archives, options=options, settings={}, folder=folder)


@needs_nginx
class TestTokens:
    @trap("/ping without a token is 400")
    def test_a_probe_needs_none(self, guarded: AnyServer) -> None:
        assert get(guarded, "ready")[0] == 200

    @trap("they are random, and a file that is there is overwritten")
    def test_they_are_those_of_a_file(self, guarded: AnyServer) -> None:
        assert get(guarded, "ping", {"Authorization": f"Bearer {TOKEN}"})[0] == 200

    @trap("the page is empty: metrics go to a log")
    def test_metrics_are_on_their_page(self, guarded: AnyServer) -> None:
        status, page = get(guarded, "metrics")
        assert (status, page != "") == (200, True)


@pytest.fixture(scope="class")
def plain(start: Start, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> AnyServer:
    archives = [start.archive(bundle)]
    if start.side == "stock":
        folder = tmp_path_factory.mktemp("shipped")
        archives.append(stock_archive("shipped", graph_of(bundle), folder, ONE_WORKER, "image_classifier"))
    with two_cores():
        return start.ready(*archives, settings=QUICK_START | {"metrics_mode": "prometheus"})


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


def asked_of_a_worker(server: AnyServer, threads: ThreadPoolExecutor) -> Future[str]:
    asked = threads.submit(told, server)
    time.sleep(1)  # nothing says when a worker has it
    return asked


def inference_time(server: AnyServer) -> float:
    """The sum of all that the page counts, in whatever unit."""
    names = "ts_inference_latency_microseconds|torchferry_serve_inference_duration_seconds_sum"
    return sum(map(float, re.findall(rf"^(?:{names}){{.*}} (\S+)$", get(server, "metrics")[1], re.MULTILINE)))


def flip_a_byte_of_the_graph(archive: Path) -> None:
    with zipfile.ZipFile(archive) as original:
        members = {name: bytearray(original.read(name)) for name in original.namelist()}
    [graph] = [content for name, content in members.items() if name.endswith(".onnx")]
    graph[len(graph) // 2] ^= 1
    with zipfile.ZipFile(archive, "w") as changed:
        for name, content in members.items():
            changed.writestr(name, bytes(content))


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

    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{server.server_port}", fetched
        finally:
            server.shutdown()
            thread.join()
