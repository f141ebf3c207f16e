"""The images at work, as docker/README.md runs them: read-only root file system, no capabilities, UID 1000."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from tests.commands import ROOT, run_command
from tests.docker.engine import Container, Engine, running
from tests.waiting import wait_until
from torchferry.serving.client import RestClient

SAMPLE = ROOT / "docker/compose/3.png"
PORTS = ("--publish", "127.0.0.1::8080", "--publish", "127.0.0.1::8082")
TRAIN = ("-m", "torchferry.training", "--config", "/recipes/digits.yaml", "--runs_dir", "/runs")
TO_WORKERS = """
import psutil
for process in psutil.process_iter():
    if any(word.endswith("model_service_worker.py") for word in process.cmdline()):
        process.{verb}()
"""


def status(url: str) -> int:
    return urllib3.request("GET", url, retries=False, timeout=10).status


def wait_healthy(container: Container) -> None:
    wait_until(lambda: container.healthy or not container.runs, 180)
    assert container.runs, container.log


def check_labels(server: Container, model: str, samples: Path) -> None:
    """They are the checkpoint's, for every image there is."""
    with (samples / "samples.csv").open(newline="") as file, RestClient(server.url(8080)) as client:
        for row in csv.DictReader(file):
            assert client.predict(model, (samples / row["file"]).read_bytes())["label"] == row["predicted"]


def check_locked(container: Container) -> None:
    """What the options ask for is what the process has."""
    seen = dict(line.split(":", 1) for line in container.execute("cat", "/proc/1/status").splitlines())
    assert seen["Uid"].split() == ["1000"] * 4
    assert (int(seen["CapEff"], 16), int(seen["CapBnd"], 16), int(seen["NoNewPrivs"])) == (0, 0, 1)
    mounts = [line.split() for line in container.execute("cat", "/proc/mounts").splitlines()]
    assert next(options for _, where, _, options, *_ in mounts if where == "/").split(",")[0] == "ro"


@pytest.fixture(scope="module")
def onnx_container(engine: Engine, onnx_server: str, bundle: Path) -> Iterator[Container]:
    with running(engine, onnx_server, options=(*PORTS, "--volume", f"{bundle}:/models/model:ro")) as server:
        wait_healthy(server)
        yield server


@pytest.fixture(scope="module")
def torchserve_container(engine: Engine, torchserve: str, store: Path) -> Iterator[Container]:
    with running(engine, torchserve, options=(*PORTS, "--volume", f"{store}:/models:ro")) as server:
        wait_healthy(server)
        yield server


@pytest.fixture(scope="module")
def volume(engine: Engine, train: str, torchserve: str) -> str:
    """A volume with a run of two ranks, and the bundle exported from it, by the images alone."""
    name = engine.ask("volume", "create")
    mounted = ("--shm-size", "256m", "--volume", f"{name}:/runs")
    said = engine.run(train, "--nproc-per-node", 2, *TRAIN, "--epochs", 5, options=mounted)
    assert "digits: 2 x cpu" in said
    exported = engine.run(torchserve, "export", "/models/digits", options=("--volume", f"{name}:/models"))
    assert "3 of 3 variants accepted" in exported
    return name


def test_the_onnx_runtime_server_gives_the_checkpoints_labels(onnx_container: Container, samples: Path) -> None:
    check_locked(onnx_container)
    check_labels(onnx_container, "digits", samples)
    assert status(f"{onnx_container.url(8082)}/metrics") == 200


def test_the_onnx_runtime_server_pulls_what_was_published(
    engine: Engine, onnx_server: str, bundle: Path, tmp_path: Path
) -> None:
    store = f"{tmp_path}/store"
    published = run_command("-m", "torchferry", "publish", bundle, f"file://{store}", "--channel", "stable")
    assert published.returncode == 0, published.stderr
    asked = ("pull", "file:///store/digits@stable", "/tmp/model")
    assert "digits 1.0" in engine.run(onnx_server, *asked, options=("--volume", f"{store}:/store:ro"))


def test_the_onnx_runtime_server_ends_at_sigterm(engine: Engine, onnx_server: str, bundle: Path) -> None:
    with running(engine, onnx_server, options=("--volume", f"{bundle}:/models/model:ro")) as server:
        wait_healthy(server)
        assert server.stop() == 0


def test_the_onnx_runtime_server_without_a_bundle_says_so(engine: Engine, onnx_server: str) -> None:
    done = engine.podman("run", "--rm", onnx_server)
    assert done.returncode == 2
    (said,) = (line for line in done.stderr.splitlines() if line.startswith("torchferry: "))
    assert "/models/model" in said


def test_torchserve_gives_the_checkpoints_labels_through_its_gateway(
    torchserve_container: Container, samples: Path
) -> None:
    check_locked(torchserve_container)
    for model in ("digits-torch", "digits-onnx-fp32"):
        check_labels(torchserve_container, model, samples)
    assert status(f"{torchserve_container.url(8080)}/healthz") == 200  # nginx alone has it
    assert status(f"{torchserve_container.url(8082)}/metrics") == 200


def test_torchserve_is_unhealthy_while_its_workers_do_not_answer(torchserve_container: Container) -> None:
    torchserve_container.execute("python", "-c", TO_WORKERS.format(verb="suspend"))
    wait_until(lambda: not torchserve_container.healthy)
    assert status(f"{torchserve_container.url(8080)}/ping") == 200
    torchserve_container.execute("python", "-c", TO_WORKERS.format(verb="resume"))
    wait_healthy(torchserve_container)


def test_torchserve_ends_at_sigterm(engine: Engine, torchserve: str, store: Path) -> None:
    archive = store / "digits-onnx-fp32.mar"
    with running(engine, torchserve, options=("--volume", f"{archive}:/models/{archive.name}:ro")) as server:
        wait_healthy(server)
        assert server.stop() == 0


def test_what_the_images_trained_and_exported_is_served(engine: Engine, onnx_server: str, volume: str) -> None:
    mounted = ("--volume", f"{volume}:/models:ro")
    command = ("up", "--runtime", "onnx", "/models/digits/bundle", "--host", "0.0.0.0")
    with running(engine, onnx_server, *command, options=(*PORTS, *mounted)) as server:
        wait_healthy(server)
        owner = server.execute("stat", "--format", "%u", "/models/digits/model/weights.safetensors")
        assert owner == "1000"
        with RestClient(server.url(8080)) as client:
            assert client.predict("digits", SAMPLE.read_bytes())["label"] == "3"


def test_the_trainer_is_healthy_while_it_trains(engine: Engine, train: str) -> None:
    runs = ("--volume", f"{engine.ask('volume', 'create')}:/runs")
    with running(engine, train, *TRAIN, "--epochs", 1000, options=runs) as trainer:
        wait_healthy(trainer)
        check_locked(trainer)
