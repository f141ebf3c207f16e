"""TorchServe behind its gateway where there is no IPv4."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hosts import ip, needs_hosts, two_hosts
from tests.waiting import wait_until

MODEL = "digits-onnx-fp32"


@needs_hosts
@pytest.mark.server
@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_two_hosts_without_ipv4_one_serves_and_the_other_asks(store: Path, samples: Path, tmp_path: Path) -> None:
    ready, image = tmp_path / "ready.json", sorted(samples.glob("*/*.png"))[0]
    python = [sys.executable, "-m", "torchferry"]
    served = ["up", "--runtime", "torchserve", store / f"{MODEL}.mar", "--gateway", "nginx", "--host", "::"]
    with two_hosts("fd00:8::1", "fd00:8::2") as (a, b):
        ip("-n", a.name, "address", "add", "127.0.0.1/8", "dev", "lo")  # where TorchServe's inner ports are
        server = a.start([*python, *served, "--ready-file", ready], tmp_path / "log")
        wait_until(lambda: ready.exists() or server.poll() is not None, 120)
        assert ready.exists(), (tmp_path / "log").read_text()
        for way in ((), ("--grpc",)):
            words = [*python, "predict", image, "--model", MODEL, "--host", a.address, *way, "--format", "jsonl"]
            done = subprocess.run(b.command(words), capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stderr
            assert json.loads(done.stdout)["label"]
        read = f"import urllib.request; print(urllib.request.urlopen('http://[{a.address}]:8082/metrics').read())"
        done = subprocess.run(b.command([sys.executable, "-c", read]), capture_output=True, text=True, timeout=120)
        assert "torchferry_serve_requests_total" in done.stdout, done.stderr
        server.terminate()
        assert server.wait(60) == 0
