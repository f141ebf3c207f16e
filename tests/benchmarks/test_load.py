"""The load generator against servers whose behaviour is planted, and so known."""

import itertools
import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from tests.benchmarks.conftest import TRIES, Planted
from tests.commands import ROOT, run_command
from tests.waiting import wait_until
from torchferry.serving.codec import predictions_grpc

Plant = Callable[..., Planted]
Measure = Callable[..., Any]
ONCE = ("--warmup", 0, "--seconds", 5)


@pytest.fixture
def delays(tmp_path: Path) -> Path:
    """Around 0.1 s, with a long tail."""
    path = tmp_path / "delays"
    values = 0.08 + np.random.default_rng(1).gamma(2, 0.02, size=5000)
    path.write_text("\n".join(map(str, values)))
    return path


@pytest.mark.serial
@pytest.mark.parametrize("protocol", ["rest", "rest-binary", "predictions", "grpc"])
def test_it_reports_the_percentiles_that_are_planted(
    plant: Plant, measure: Measure, delays: Path, protocol: str
) -> None:
    differences = []
    for _ in range(TRIES):
        server = plant("--delays", delays)
        url = server.grpc if protocol == "grpc" else server.url
        found = measure("latency", url, "--protocol", protocol, "--rate", 300, *ONCE)["results"]
        took = server.stop()
        # A run has one request more, which only asks whether it will be answered; the last run is the one that counts.
        assert len(took) % (1 + 1500) == 0
        took = took[-1500:]
        assert (found["requests"], found["errors"], found["void"]) == (1500, 0, None)
        planted = {f"p{p}": 1000 * float(np.percentile(took, p, method="higher")) for p in (50, 99, 99.9)}
        differences.append(max(abs(found["percentiles_ms"][name] / value - 1) for name, value in planted.items()))
        if differences[-1] < 0.02:
            break
    assert min(differences) < 0.02


@pytest.mark.serial
def test_a_stall_shows_in_an_open_loop_and_hides_in_a_closed_one(
    plant: Plant, measure: Measure, tmp_path: Path
) -> None:
    steady = tmp_path / "steady"
    steady.write_text("0.005\n" * 5000)
    options = ("--delays", steady, "--stall", 2, 1)
    opened = measure("latency", plant(*options).url, "--rate", 100, *ONCE)["results"]
    closed = measure("latency", plant(*options).url, "--connections", 2, *ONCE)["results"]
    assert (opened["loop"], closed["loop"]) == ("open", "closed")
    assert opened["percentiles_ms"]["p99"] > 800
    assert opened["percentiles_ms"]["p90"] > 300
    assert closed["percentiles_ms"]["p99"] < 300
    assert 800 < closed["max_ms"] < 1500


@pytest.mark.serial
def test_a_closed_loop_of_slow_answers_has_a_rate(plant: Plant, measure: Measure, tmp_path: Path) -> None:
    """No answer comes while it sends."""
    slow = tmp_path / "slow"
    slow.write_text("0.5\n" * 10)
    options = ("--connections", 2, "--seconds", 0.3, "--warmup", 0)
    found = measure("latency", plant("--delays", slow).url, *options)["results"]
    assert found["requests"] == 2
    assert 2 < found["achieved_rate"] <= 4


@pytest.mark.serial
def test_every_request_is_counted_by_what_became_of_it(plant: Plant, measure: Measure) -> None:
    found = measure("latency", plant("--fail-every", 5).url, "--rate", 100, *ONCE)["results"]
    assert found["outcomes"] == {"ok": 400, "HTTP 503": 100}
    assert found["errors"] == 100
    histogram = HdrHistogram.decode(found["histogram"])
    assert histogram.get_total_count() == 400
    assert found["percentiles_ms"]["p50"] == histogram.get_value_at_percentile(50) / 1000
    assert sum(window["requests"] for window in found["windows"]) == 500


@pytest.mark.serial
def test_several_processes_share_the_rate(plant: Plant, measure: Measure) -> None:
    server = plant()
    found = measure("latency", server.url, "--rate", 200, "--processes", 3, "--arrivals", "constant", *ONCE)["results"]
    assert (found["requests"], found["errors"]) == (1000, 0)
    asked = len(server.stop())  # one more in a run, which asks whether it will be answered
    assert asked
    assert asked % (1 + 1000) == 0


@pytest.mark.serial
def test_a_result_says_what_it_belongs_to(plant: Plant, measure: Measure) -> None:
    content = measure("latency", plant().url, "--rate", 50, "--seconds", 2)
    assert content["benchmark"] == "latency"
    assert {"processor", "cores", "versions"} <= content["machine"].keys()
    found = content["results"]
    assert (found["server"], found["payload_bytes"] > 50, found["answer_bytes"]) == ("planted-server 1", True, 2)
    # From the header Server-Timing; the rest of the mean is the network's.
    assert found["stages_ms"]["inference"] == 2.5
    assert found["stages_ms"]["queue"] == 0.5
    assert sum(found["stages_ms"].values()) == pytest.approx(found["mean_ms"])
    assert set(content["figures"]) == {"p50 ms", "p99 ms", "answered/s"}


def test_ctrl_c_ends_with_the_results_so_far(plant: Plant, tmp_path: Path) -> None:
    output = tmp_path / "partial.json"
    url = plant().url
    words = ["latency", url, "--model", "planted", "--protocol", "rest", "--input", "random", "--rate", "100"]
    command = [sys.executable, "-m", "torchferry", "bench", *words, "--seconds", "300", "--output", str(output)]

    def well_under_way() -> bool:  # a second of warm-up, and a second that counts
        with urllib.request.urlopen(f"{url}/asked") as answer:
            return bool(json.load(answer)["requests"] > 200)

    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        wait_until(well_under_way)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "PARTIAL" in printed
    found = json.loads(output.read_text())["results"]
    assert found["interrupted"] == 130
    assert found["errors"] == 0
    assert 0 < found["requests"] < 1000


@pytest.mark.serial
def test_a_rate_that_cannot_be_sent_is_refused(plant: Plant, measure: Measure) -> None:
    content = measure("latency", plant().url, "--rate", 400_000, "--seconds", 0.5, "--timeout", 2, code=2)
    assert content["stderr"].startswith("torchferry: --rate: 400,000 a second is void: the generator ")
    assert len(content["stderr"].splitlines()) == 1
    assert content["results"]["void"]
    assert content["figures"] == {}


@pytest.mark.parametrize(
    ("url", "change", "words"),
    [
        ("http://127.0.0.1:1", {}, "no answer"),
        ("127.0.0.1:1", {"--protocol": "grpc"}, "no answer"),
        ("{url}", {"--model": "nobody"}, "no metadata at /v2/models/nobody"),
        ("{grpc}", {"--protocol": "grpc", "--model": "nobody"}, "nobody"),
        ("{grpc}", {}, "does not speak HTTP/1.1"),
        ("{url}", {"--protocol": "grpc"}, "gRPC"),
        ("{url}", {"--protocol": "predictions", "--model": "nobody", "--input": "text"}, "answered 404"),
        ("{url}", {"--input": "short.npz"}, "'row' is float32 [1, 3]; the model takes FP32 [-1, 4]"),
        ("{url}", {"--input": "named.npz"}, "holds other; the model takes row"),
        ("{url}", {"--input": "text"}, "the model takes no image, but row FP32 [-1, 4]"),
        ("{url}", {"--input": "missing.png"}, "missing.png cannot be read"),
        ("{url}", {"--rate": "0"}, "--rate: 0.0 is too small"),
        ("{url}", {"--connections": "0"}, "--connections: 0 is too small"),
        ("{url}", {"--rate": "nan"}, "nan is not a finite number"),
        ("{url}", {"--rate": "1e12"}, "requests in all"),
        ("{url}", {"--output": "/nowhere/x.json"}, "--output: /nowhere is not a folder"),
        ("{url}", {"--output": "."}, "--output: . is a folder"),
        ("{url}", {"--header": "no colon"}, "--header"),
        ("{url}", {"--header": "a name: x"}, "--header: 'a name: x' is not 'Name: value'"),
        ("{url}", {"--header": "Name: \u00e9"}, "--header: the value of Name"),
        ("{url}", {"--input": "damaged.npz"}, "damaged.npz is not an .npz"),
        ("{url}", {"--input": "lone.npz"}, "lone.npz is not an .npz"),
        ("{url}", {"--metrics": "{url}/v2"}, "is no Prometheus page"),
        ("foo bar", {}, "foo bar: is not a URL"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    plant: Plant, tmp_path: Path, url: str, change: dict[str, str], words: str
) -> None:
    np.savez(tmp_path / "short.npz", row=np.zeros((1, 3), np.float32))
    np.savez(tmp_path / "named.npz", other=np.zeros((1, 4), np.float32))
    (tmp_path / "text").write_text("no image")
    (tmp_path / "damaged.npz").write_bytes(b"PK\x03\x04 cut off")
    with (tmp_path / "lone.npz").open("wb") as file:
        np.save(file, np.zeros((1, 4), np.float32))
    server = plant()
    given = {
        "--model": "planted",
        "--input": "random",
        "--protocol": "rest",
        "--seconds": "1",
        "--timeout": "5",
    } | change
    places = {"url": server.url, "grpc": server.grpc}
    command = [url, *(word for pair in given.items() for word in pair)]
    command = [word.format_map(places) for word in command]
    done = subprocess.run(
        [sys.executable, "-m", "torchferry", "bench", "latency", *command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.serial
def test_a_metrics_page_that_goes_costs_only_the_stages(plant: Plant, measure: Measure) -> None:
    asked = itertools.count()  # twice in a run

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            before = next(asked) % 2 == 0
            self.send_response(200 if before else 503)
            self.end_headers()
            self.wfile.write(b"some_total 1\n" if before else b"")

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        metrics = f"http://127.0.0.1:{server.server_address[1]}"
        content = measure("latency", plant().url, "--seconds", 1, "--metrics", metrics)
        server.shutdown()
    assert content["results"]["requests"] == 50
    (line,) = [line for line in content["stderr"].splitlines() if "--metrics" in line]
    assert "without the stages" in line


def test_an_internal_fault_over_grpc_is_one_line() -> None:
    def fail(_: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(grpc.StatusCode.INTERNAL, "planted\nfault")
        return b""

    service, method = predictions_grpc.METHOD.strip("/").split("/")
    server = grpc.server(ThreadPoolExecutor(1))
    handlers = {method: grpc.unary_unary_rpc_method_handler(fail)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    url = f"127.0.0.1:{port}"
    given = ("--model", "planted", "--input", "README.md", "--protocol", "grpc-predictions")
    done = run_command("-m", "torchferry", "bench", "latency", url, *given)
    server.stop(None)
    assert done.returncode == 1
    assert done.stderr == f"torchferry: {url}: answered INTERNAL: planted fault\n"
