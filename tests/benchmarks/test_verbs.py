"""sweep, slo, soak and latency as users run them: against planted servers, and against a real TorchServe."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.conftest import Planted, benchmark
from tests.commands import ROOT, run_command
from tests.waiting import wait_until

Plant = Callable[..., Planted]
Measure = Callable[..., Any]


@pytest.fixture
def slow(tmp_path: Path) -> tuple[object, ...]:
    """One request at a time, 10 ms each: no more than 100 a second."""
    (tmp_path / "delays").write_text("0.01\n" * 100_000)
    return ("--delays", tmp_path / "delays", "--serial")


@pytest.mark.serial
def test_a_sweep_ends_where_the_server_falls_behind(plant: Plant, measure: Measure, slow: tuple[object, ...]) -> None:
    content = measure("sweep", plant(*slow).url, "--rate", 40, "--factor", 2, "--seconds", 2)
    results = content["results"]
    assert [result["offered_rate"] for result in results] == [40, 80, 160]
    assert [result["saturated"] for result in results] == [False, False, True]
    assert results[2]["achieved_rate"] < 105
    assert len(content["stdout"].splitlines()) == 4


@pytest.mark.serial
def test_slo_finds_the_highest_rate_that_keeps_the_limit(
    plant: Plant, measure: Measure, slow: tuple[object, ...]
) -> None:
    options = ("--p99-ms", 200, "--rate", 40, "--repeats", 2, "--seconds", 1.5, "--resolution", 0.3)
    content = measure("slo", plant(*slow).url, *options)
    found = content["results"]
    assert 40 <= found["rate"]["low"] <= found["rate"]["median"] <= found["rate"]["high"] <= 110
    assert len(found["repeats"]) == 2
    assert "p99 <= 200 ms up to" in content["stdout"]
    (figure,) = content["figures"].values()
    assert figure == {"better": "higher", "values": found["repeats"]}


@pytest.mark.serial
def test_slo_keeps_what_it_measured_before_a_signal(plant: Plant, tmp_path: Path) -> None:
    output, seen = tmp_path / "partial.json", tmp_path / "seen"
    options = ("--rate", "20", "--seconds", "1", "--warmup", "0", "--p99-ms", "1000", "--output", str(output))
    words = ("slo", plant().url, "--model", "planted", "--protocol", "rest", "--input", "random", *options)
    with seen.open("w") as file:
        process = subprocess.Popen([sys.executable, "-m", "torchferry", "bench", *words], cwd=ROOT, stdout=file)
    wait_until(lambda: len(seen.read_text().splitlines()) >= 1)  # one rate is measured
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    assert "PARTIAL, 0 repeats ended" in seen.read_text()
    content = json.loads(output.read_text())
    found = content["results"]
    assert (found["interrupted"], found["rate"], found["repeats"], content["figures"]) == (143, None, [], {})
    assert found["probes"][0][0]["requests"] == 20


@pytest.mark.serial
@pytest.mark.parametrize("verb", [("soak", "--minutes", 0.01), ("sweep", "--seconds", 0.5)])
def test_a_rate_that_cannot_be_sent_is_refused(plant: Plant, measure: Measure, verb: tuple[object, ...]) -> None:
    name, *options = verb
    content = measure(name, plant().url, *options, "--rate", 400_000, "--timeout", 2, code=2)
    assert "torchferry: --rate: 400,000 a second is void: the generator " in content["stderr"]


@pytest.mark.serial
def test_a_soak_sees_a_leak(plant: Plant, measure: Measure) -> None:
    server = plant("--leak", 100_000)
    options = ("--rate", 100, "--minutes", 0.2, "--warmup", 0, "--pid", server.process.pid)
    content = measure("soak", server.url, *options)
    memory = content["results"]["drifts"]["memory"]
    assert memory["low"] > 0
    assert memory["last"] - memory["first"] == pytest.approx(120, rel=0.3)  # megabytes
    assert content["results"]["drifts"]["p50"]["high"] < 3.6e6 / 12  # a second in 12
    assert "memory: " in content["stdout"]
    assert ", drifts: " in content["stdout"]


@pytest.mark.parametrize(
    ("verb", "change", "words"),
    [
        ("sweep", ("--batch", 0), "--batch: 0 is too small"),
        ("slo", (), "required: --p99-ms"),
        ("soak", ("--batch", 0), "--batch: 0 is too small"),
    ],
)
def test_bad_options_are_refused_in_one_line(verb: str, change: tuple[object, ...], words: str) -> None:
    given = ("http://127.0.0.1:1", "--model", "planted", "--input", "random")
    done = run_command("-m", "torchferry", "bench", verb, *given, *change)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.serial
@pytest.mark.parametrize(("protocol", "where"), [("predictions", "rest"), ("grpc-predictions", "grpc")])
def test_it_measures_torchserve(
    addresses: dict[str, str], samples: Path, tmp_path: Path, protocol: str, where: str
) -> None:
    image, output = next(samples.glob("*/*.png")), tmp_path / "result.json"
    options = ("--model", "digits-onnx-fp32", "--input", image, "--rate", 20, "--seconds", 2, "--warmup", 0.5)
    words = ("latency", addresses[where], "--protocol", protocol, "--metrics", addresses["metrics"], *options)
    done = benchmark(*words, "--output", output)
    assert done.returncode == 0, done.stderr
    assert "digits-onnx-fp32" in done.stdout
    result = json.loads(output.read_text())["results"]
    assert (result["requests"], result["errors"], result["protocol"]) == (40, 0, protocol)
    assert result["payload_bytes"] == image.stat().st_size
    percentiles = result["percentiles_ms"]
    assert 0 < percentiles["p50"] <= percentiles["p90"] <= percentiles["p99"] <= percentiles["p99.9"]
    stages = {"queue", "decode", "batch wait", "inference", "encode", "network and client"}
    assert result["stages_ms"].keys() == stages


@pytest.mark.parametrize(
    ("change", "words"),
    [({"--model": "nobody"}, "nobody"), ({"--input": "pyproject.toml"}, "answered 400")],
)
def test_torchserves_refusal_is_passed_on(addresses: dict[str, str], change: dict[str, str], words: str) -> None:
    given = {"--model": "digits-torch", "--input": "README.md"} | change
    url = addresses["rest"]
    done = run_command("-m", "torchferry", "bench", "latency", url, *(word for pair in given.items() for word in pair))
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
