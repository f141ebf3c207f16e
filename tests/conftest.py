"""One real run, bundle, model store and server for the whole session; tests that change one make a copy."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "training" / "recipes"


def run_command(*arguments: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `python ARGUMENTS` to its end, whatever that is."""
    command = [sys.executable, *(str(argument) for argument in arguments)]
    return subprocess.run(command, cwd=cwd, env=os.environ | environment, capture_output=True, text=True, timeout=300)


def torchrun(ranks: int, *arguments: object) -> subprocess.CompletedProcess[str]:
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", ranks)
    return run_command(*launcher, "-m", "training", *arguments, OMP_NUM_THREADS="1")


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits recipe, trained by two processes."""
    runs = tmp_path_factory.mktemp("runs")
    done = torchrun(2, "--config", RECIPES / "digits.yaml", "--runs_dir", runs, "--metrics.port", 0)
    assert done.returncode == 0, done.stderr
    (runs / "digits" / "stdout.txt").write_text(done.stdout)
    return runs / "digits"


@pytest.fixture(scope="session")
def bundle(run: Path) -> Path:
    done = run_command("-m", "serving", "export", run, "--variants", "torch,onnx-fp32")
    assert done.returncode == 0, done.stderr
    return run / "bundle"


@pytest.fixture(scope="session")
def store(bundle: Path) -> Path:
    done = run_command("-m", "serving", "archive", bundle)
    assert done.returncode == 0, done.stderr
    return bundle.parent / "model-store"


@pytest.fixture(scope="session")
def samples(run: Path) -> Path:
    done = run_command("-m", "training", "samples", run)
    assert done.returncode == 0, done.stderr
    return run / "samples"


class Server:
    """`python -m serving up` on free ports."""

    def __init__(
        self, *models: object, folder: Path, runtime: str = "torchserve", options: Sequence[object] = ()
    ) -> None:
        self.ready_file, self.log = folder / "ready.json", folder / "up.log"
        command = ["-m", "serving", "up", "--runtime", runtime, *map(str, models), *map(str, options)]
        command += ["--port", "0", "--grpc-port", "0", "--metrics-port", "0", "--ready-file", str(self.ready_file)]
        if runtime == "onnx":
            command += ["--admin-port", "0"]
        elif "--gateway" not in options:
            command += ["--gateway", "none"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)

    def wait_ready(self) -> dict[str, str]:
        wait_until(lambda: self.ready_file.exists() or self.process.poll() is not None, 180)
        assert self.ready_file.exists(), self.log.read_text()
        return dict(json.loads(self.ready_file.read_text()))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture(scope="session")
def addresses(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where a TorchServe with both variants answers: `rest`, `grpc`, `metrics`."""
    server = Server(store, folder=tmp_path_factory.mktemp("server"))
    try:
        yield server.wait_ready()
    finally:
        server.stop()


@pytest.fixture
def free_port_in_use() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of so many MiB."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small tmpfs needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={request.param}m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
