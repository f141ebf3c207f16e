"""Servers with planted behaviour, and a benchmark's JSON."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.commands import run_command

TRIES = 16
"""Of a measurement that a busy machine spoils: other machines may take its cores for a minute."""


def benchmark(*words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
    """`torchferry bench WORDS`, which is to end with `code`; asked again where it should have gone well, and a busy
    machine made the generator late and the result void."""
    for _ in range(TRIES):
        done = run_command("-m", "torchferry", "bench", *words)
        if code or not (done.returncode == 2 and "the generator itself was" in done.stderr):
            break
    return done


class Planted:
    def __init__(self, *options: object) -> None:
        command = [sys.executable, str(Path(__file__).with_name("planted.py")), *map(str, options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        port, grpc_port = self.process.stdout.readline().split()
        self.url, self.grpc = f"http://127.0.0.1:{port}", f"127.0.0.1:{grpc_port}"

    def stop(self) -> list[float]:
        """The seconds that each request took in it."""
        self.process.terminate()
        output, _ = self.process.communicate(timeout=60)
        return list(json.loads(output)) if output else []


@pytest.fixture
def plant(starts_server: None) -> Iterator[Callable[..., Planted]]:
    """Starts servers, and stops them at the end."""
    servers: list[Planted] = []

    def start(*options: object) -> Planted:
        servers.append(Planted(*options))
        return servers[-1]

    yield start
    for server in servers:
        server.process.kill()
        server.process.communicate()


@pytest.fixture
def measure(tmp_path: Path) -> Callable[..., Any]:
    """`measure(verb, url, *options)`: the content of its JSON. Without --input, random values go out as rest."""
    output = tmp_path / "result.json"

    def run(verb: str, url: str, *options: object, code: int = 0) -> Any:
        given = () if "--input" in options else ("--input", "random")
        protocol = () if "--protocol" in options else ("--protocol", "rest")
        words = (verb, url, "--model", "planted", *given, *protocol, *options, "--output", output)
        done = benchmark(*words, code=code)
        assert done.returncode == code, done.stderr
        return json.loads(output.read_text()) | {"stdout": done.stdout, "stderr": done.stderr}

    return run
