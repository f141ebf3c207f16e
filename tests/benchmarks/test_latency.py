import json
from pathlib import Path

import pytest

from tests.conftest import run_command


@pytest.mark.parametrize(("protocol", "where"), [("predictions", "rest"), ("grpc", "grpc")])
def test_it_measures_a_real_server(
    addresses: dict[str, str], samples: Path, tmp_path: Path, protocol: str, where: str
) -> None:
    image, output = next(samples.glob("*/*.png")), tmp_path / "result.json"
    options = ("--model", "digits-onnx-fp32", "--input", image, "--rate", 20, "--seconds", 2, "--warmup", 0.5)
    done = run_command(
        "-m", "benchmarks", "latency", addresses[where], "--protocol", protocol, *options, "--output", output
    )
    assert done.returncode == 0, done.stderr
    assert "digits-onnx-fp32" in done.stdout
    result = json.loads(output.read_text())
    assert (result["requests"], result["errors"], result["protocol"]) == (40, 0, protocol)
    assert result["payload_bytes"] == image.stat().st_size
    percentiles = result["percentiles_ms"]
    assert 0 < percentiles["p50"] <= percentiles["p90"] <= percentiles["p99"] <= percentiles["p99.9"]
    assert {"processor", "cores", "versions"} <= result["machine"].keys()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"url": "http://127.0.0.1:1"}, "no answer"),
        ({"--model": "nobody"}, "nobody"),
        ({"--input": "missing.png"}, "missing.png cannot be read"),
        ({"--input": "pyproject.toml"}, "answered 400"),
        ({"--rate": 0}, "--rate: 0.0 is too small"),
        ({"--rate": "nan"}, "nan is not a finite number"),
        ({"--output": "/nowhere/x.json"}, "--output: /nowhere is not a folder"),
        ({"url": "foo bar"}, "foo bar"),
        ({"--connections": 0}, "--connections: 0 is too small"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    addresses: dict[str, str], samples: Path, change: dict[str, object], words: str
) -> None:
    image = next(samples.glob("*/*.png"))
    given = {"url": addresses["rest"], "--model": "digits-torch", "--input": image, "--seconds": 1} | change
    url = given.pop("url")
    done = run_command("-m", "benchmarks", "latency", url, *(word for pair in given.items() for word in pair))
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
