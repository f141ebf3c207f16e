"""`up --gateway nginx`: what clients meet at the ends of TorchServe's life."""

import re
import shutil
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
import urllib3

from tests.commands import run_command
from tests.server import Server
from tests.serving.onnx_server.asking import ask, tensor
from tests.waiting import wait_until
from torchferry.serving.codec import predictions_grpc

MODEL = "digits-onnx-fp32"
TOKEN = {"Authorization": "Bearer s3cret"}

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")


def started(store: Path, folder: Path) -> Server:
    for name, line in (("tokens", "somebody s3cret admin\n"), ("scrapers", "prometheus s-prometheus\n")):
        (folder / name).write_text(line)
        (folder / name).chmod(0o600)
    options = (
        *("--gateway", "nginx", "--max-answer-bytes", 20_000),
        *("--tokens", folder / "tokens", "--metrics-tokens", folder / "scrapers"),
    )
    return Server(store / f"{MODEL}.mar", folder=folder, options=options)


Behind = tuple[Server, dict[str, str]]


@pytest.fixture
def behind(starts_server: None, store: Path, tmp_path: Path) -> Iterator[Behind]:
    """One that the test may end."""
    server = started(store, tmp_path)
    try:
        yield server, server.wait_ready()
    finally:
        server.stop()


@pytest.fixture(scope="module")
def lasting(starts_server: None, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """One for all tests that leave it as it was."""
    server = started(store, tmp_path_factory.mktemp("behind"))
    try:
        yield server, server.wait_ready()
    finally:
        server.stop()


class Clients:
    """Ask all the time, each request over a connection of its own, and count what comes of it."""

    def __init__(self, url: str, image: bytes, number: int = 8) -> None:
        self.url, self.image, self.ended, self.counted = url, image, threading.Event(), Counter[str]()
        self.threads = [threading.Thread(target=self._ask_all_the_time) for _ in range(number)]
        for thread in self.threads:
            thread.start()

    def end(self) -> Counter[str]:
        self.ended.set()
        for thread in self.threads:
            thread.join()
        return self.counted

    def _ask_all_the_time(self) -> None:
        headers = TOKEN | {"Connection": "close"}
        while not self.ended.is_set():
            try:
                answer = urllib3.request("POST", self.url, body=self.image, headers=headers, retries=False, timeout=60)
                again = answer.headers.get("Retry-After", "never")
                self.counted["200" if answer.status == 200 else f"{answer.status}, again {again}"] += 1
            except urllib3.exceptions.NewConnectionError:  # it has ended, and took nothing
                self.ended.set()
            except urllib3.exceptions.HTTPError as error:
                self.counted[repr(error)] += 1


def test_tokens_health_and_readiness(lasting: Behind, samples: Path) -> None:
    _, addresses = lasting
    image = next(samples.glob("*/*.png")).read_bytes()
    url = f"{addresses['rest']}/predictions/{MODEL}"
    assert urllib3.request("POST", url, body=image).status == 401
    assert urllib3.request("POST", url, body=image, headers=TOKEN).status == 200
    for path in ("/healthz", "/readyz"):
        assert urllib3.request("GET", addresses["rest"] + path).status == 200


def test_metrics_need_a_token_of_their_own_and_torchserves_are_nowhere_else(lasting: Behind) -> None:
    server, addresses = lasting
    for headers in ({}, TOKEN):
        refused = urllib3.request("GET", addresses["metrics"], headers=headers)
        assert (refused.status, refused.json()["code"]) == (401, "not_allowed")
        assert refused.headers["WWW-Authenticate"] == "Bearer"
    page = urllib3.request("GET", addresses["metrics"], headers={"Authorization": "Bearer s-prometheus"}).data.decode()
    for line in (f'torchferry_serve_workers_ready{{model="{MODEL}",version="1.0"}}', "ts_queue_latency_microseconds"):
        assert line in page
    store = str(log_of(server).parent / "store")
    # Of a process that has just ended process_iter has no command line, where cmdline raises.
    [java] = [found for found in psutil.process_iter(["cmdline"]) if store in (found.info["cmdline"] or ())]
    listening = [found.laddr for found in java.net_connections() if found.status == psutil.CONN_LISTEN]
    assert len(listening) == 2, listening  # gRPC alone, which has no socket to listen on
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def log_of(server: Server) -> Path:
    """TorchServe's, as the start says it."""
    found = re.search(r"log +(\S+)", server.log.read_text())
    assert found
    return Path(found[1])


def test_no_client_fills_the_log_or_forges_a_line_in_it(lasting: Behind) -> None:
    server, addresses = lasting
    before = log_of(server).stat().st_size
    forged = b'{"instances": [{"\\n2026-11-30 WARN forged": 1}]}'
    for path, body in (
        (f"/predictions/{MODEL}", forged),
        ("/predictions/%0AWARN%20forged", b"x"),
        (f"/explanations/{MODEL}", b"{"),
    ):
        assert urllib3.request("POST", addresses["rest"] + path, body=body, headers=TOKEN).status in (400, 404, 422)
    prediction = f"/{predictions_grpc.SERVICE}/Predictions"
    with grpc.insecure_channel(addresses["grpc"], [("grpc.enable_http_proxy", 0)]) as channel:
        for method, body in ((prediction, b"\xff\xff"), (prediction, b""), ("/no.Service/No", b"")):
            call = channel.unary_unary(method).future(body, timeout=30, metadata=[("authorization", "Bearer s3cret")])
            assert call.exception() is not None
        given_up = channel.unary_unary(prediction).future(b"", metadata=[("authorization", "Bearer s3cret")])
        given_up.cancel()
    assert urllib3.request("POST", addresses["rest"] + f"/predictions/{MODEL}", body=b"x", headers=TOKEN).status == 400
    assert log_of(server).stat().st_size == before, log_of(server).read_text()


def test_an_answer_that_would_be_too_long_is_refused_and_costs_no_worker(lasting: Behind) -> None:
    _, addresses = lasting
    before = worker(addresses)["pid"]
    for samples, status in ((300, 422), (10, 200)):
        body = {"inputs": [tensor("image", np.zeros((samples, 1, 8, 8), np.uint8))]}
        answer = ask(addresses["rest"], f"/predictions/{MODEL}", body, TOKEN)
        assert answer.status == status, answer.body
        assert answer.json.get("code") == (None if status == 200 else "answer_too_large")
    assert worker(addresses) == worker(addresses) | {"pid": before, "status": "READY"}


def test_sigterm_under_load_loses_no_request(behind: Behind, samples: Path) -> None:
    server, addresses = behind
    clients = Clients(f"{addresses['rest']}/predictions/{MODEL}", next(samples.glob("*/*.png")).read_bytes())
    wait_until(lambda: clients.counted["200"] > 100)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(60) == 0, server.log.read_text()
    assert set(clients.end()) == {"200"}


def test_a_killed_worker_costs_its_request_a_second_try_and_nobody_a_5xx_without_retry_after(
    behind: Behind, samples: Path
) -> None:
    _, addresses = behind
    clients = Clients(f"{addresses['rest']}/predictions/{MODEL}", next(samples.glob("*/*.png")).read_bytes())
    wait_until(lambda: clients.counted["200"] > 100)
    killed = worker(addresses)["pid"]
    psutil.Process(killed).kill()
    wait_until(lambda: worker(addresses)["status"] == "READY" and worker(addresses)["pid"] != killed)
    before = clients.counted["200"]
    wait_until(lambda: clients.counted["200"] > before + 50)
    assert set(clients.end()) <= {"200", "503, again 1", "429, again 1"}


def worker(addresses: dict[str, str]) -> dict[str, Any]:
    described = urllib3.request("GET", f"{addresses['management']}/models/{MODEL}", headers=TOKEN).json()[0]
    return dict(described["workers"][0])


def test_what_only_a_gateway_has_is_refused_without_one(store: Path, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("a line of too many words here\n")
    tokens = ("--tokens", tmp_path / "tokens")
    for options, words in (
        (("--gateway", "none", *tokens), "--tokens: is for the gateway; leave --gateway none out"),
        (tokens, "a line is not NAME TOKEN"),
        (("--tls-key", tmp_path / "key.pem"), "give both or none"),
        (("--gateway", "haproxy"), "--gateway"),
    ):
        done = run_command("-m", "torchferry", "up", "--runtime", "torchserve", store, *options)
        assert (done.returncode, words in done.stderr, len(done.stderr.splitlines())) == (2, True, 1), done.stderr
