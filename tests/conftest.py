"""One real run, bundle, model store and TorchServe for the whole suite; tests that change one make a copy."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import RECIPES, run_command
from tests.server import Server
from tests.shared import once

pytest_plugins = ["tests.markers", "tests.scheduling", "tests.stores"]

# A shell that starts the suite in the background lets it ignore SIGINT, nohup SIGHUP, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Workers share the cores, and threads of OpenMP that wait for each other burn them.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# TorchServe starts by the dozen, and none of them lives long enough for a second compiler and collector to pay.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")


def _succeed(*words: object) -> str:
    """What the command prints."""
    done = run_command("-m", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits recipe, trained by one process."""

    def train(runs: Path) -> None:
        options = ("--runs_dir", runs, "--metrics.port", 0)
        said = _succeed("torchferry", "train", "--config", RECIPES / "digits.yaml", *options)
        (runs / "digits" / "stdout.txt").write_text(said)

    return once(tmp_path_factory, "runs", train) / "digits"


@pytest.fixture(scope="session")
def bundle(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's variants `torch` and `onnx-fp32`, in the run folder."""
    once(tmp_path_factory, "bundle", lambda _: _succeed("torchferry", "export", run, "--variants", "torch,onnx-fp32"))
    return run / "bundle"


@pytest.fixture(scope="session")
def store(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive for TorchServe of each."""
    once(tmp_path_factory, "store", lambda _: _succeed("torchferry", "archive", bundle))
    return bundle.parent / "model-store"


@pytest.fixture(scope="session")
def samples(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """100 held-out images as files, and what the checkpoint says of each in samples.csv."""
    once(tmp_path_factory, "samples", lambda _: _succeed("torchferry", "samples", run))
    return run / "samples"


@pytest.fixture(scope="session")
def addresses(starts_server: None, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
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
