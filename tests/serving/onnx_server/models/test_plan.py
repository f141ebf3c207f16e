"""Sessions, threads and batches: what is set, what the bundle suggests, what --tune measures, where they compute."""

from pathlib import Path

import pytest

from tests.commands import run_command
from tests.serving.onnx_server.asking import ask
from tests.serving.onnx_server.conftest import StartServer
from tests.serving.tiny_bundle import VARIANT, described
from torchferry.serving.bundle import bundle as bundles
from torchferry.serving.onnx_server.models.plan import Plan, planned, say_cap
from torchferry.serving.onnx_server.settings import Settings

CONFIG = "/v2/models/digits/config"


def test_what_is_set_is_what_is_served(start_server: StartServer) -> None:
    addresses = start_server(options=("--sessions", 2, "--threads", 1, "--max-batch", 5)).wait_ready()
    said = ask(addresses["rest"], CONFIG).json
    assert said["max_batch_size"] == 5
    assert said["instance_group"] == [{"name": "onnx-fp32", "kind": "KIND_CPU", "count": 2}]
    assert said["parameters"]["threads"] == {"string_value": "1"}


def test_a_tiny_model_gets_one_thread_and_batches(bundle: Path) -> None:
    assert planned(bundles.load(bundle), "onnx-fp32", Settings()) == Plan(1, 1, 32)


@pytest.mark.parametrize(
    ("limit", "told", "together"), [(None, 0, 32), (None, 8, 8), (1, 0, 1), (1, 8, 1), (4, 0, 4), (4, 8, 4), (4, 2, 2)]
)
def test_the_bundles_limit_wins(
    limit: int | None, told: int, together: int, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = described(max_batch=limit)
    settings = Settings(max_batch=told)
    assert planned(bundle, VARIANT, settings).max_batch == together
    say_cap(bundle, settings)
    said = capsys.readouterr().err
    if limit and told > limit:
        samples = {1: "1 sample", 4: "4 samples"}[limit]
        assert said == f"torchferry: tiny 1.0 was exported for at most {samples} together; --max-batch 8 is not used\n"
    else:
        assert said == ""


def test_tune_says_what_it_measured_and_serves(start_server: StartServer) -> None:
    server = start_server(options=("--tune", "--max-batch", 4))
    addresses = server.wait_ready()
    assert "tune: digits: 1 x 1 threads: " in server.log.read_text()
    assert ask(addresses["rest"], CONFIG).json["max_batch_size"] == 4


def test_a_missing_gpu_that_was_asked_for_is_one_line(bundle: Path) -> None:
    ports = [word for name in ("", "grpc-", "metrics-") for word in (f"--{name}port", "0")]
    done = run_command("-m", "torchferry", "up", "--runtime", "onnx", bundle, "--provider", "cuda", *ports)
    expected = "torchferry: --provider: cuda was asked for, and digits onnx-fp32 computes on CPUExecutionProvider: "
    assert done.returncode == 2
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--sessions", "--threads", "--max-batch", "--cache-bytes"])
def test_a_number_below_zero_is_one_line(bundle: Path, option: str) -> None:
    done = run_command("-m", "torchferry", "up", "--runtime", "onnx", bundle, option, "-1")
    assert done.returncode == 2
    assert done.stderr == f"torchferry: {option}: -1 is not valid; give 0 or more\n"
