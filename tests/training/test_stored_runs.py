"""Checkpoints in a store, by a real server that speaks S3: nodes without a common folder, kills, damage, outages."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from moto.server import ThreadedMotoServer
from s3fs import S3FileSystem
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

from tests.commands import RECIPES, ROOT, run_command
from tests.forks import warm_python, warm_workers
from tests.ports import free_port
from tests.training.test_exact import entries
from tests.waiting import wait_until
from torchferry.object_store import ObjectStore
from torchferry.training.checkpointing.remote_run import RemoteRun, step_of

PLAIN = ("--config", RECIPES / "digits.yaml", "--metrics.port", "null", "--metrics.tensorboard", "false")
SMALL = (*PLAIN, "--max_steps", 30, "--checkpoint.every_steps", 10, "--checkpoint.keep", 9)


class Server:
    """Speaks S3 until it is stopped."""

    def __init__(self) -> None:
        self.moto = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        self.moto.start()
        self.url = "http://{}:{}".format(*self.moto.get_host_and_port())
        self.runs = True

    def stop(self) -> None:
        if self.runs:
            self.moto.stop()
        self.runs = False


@pytest.fixture
def server(starts_server: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Named in the words of the environment that every client of S3 knows."""
    server = Server()
    for name, value in {"ENDPOINT_URL": server.url, "ACCESS_KEY_ID": "me", "SECRET_ACCESS_KEY": "me"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    yield server
    server.stop()


@pytest.fixture
def bucket(server: Server) -> str:
    """The URL of a new one."""
    name = f"runs-{uuid.uuid4().hex}"
    S3FileSystem(skip_instance_cache=True, endpoint_url=server.url).mkdir(name)
    return f"s3://{name}"


@pytest.fixture
def stored(bucket: str) -> RemoteRun:
    """What it holds of the run digits, asked by a client that has seen nothing before."""
    S3FileSystem.clear_instance_cache()
    return RemoteRun(ObjectStore(bucket), "digits")


def train(runs: Path, url: str, *options: object) -> subprocess.CompletedProcess[str]:
    return run_command("-m", "torchferry.training", *SMALL, "--runs_dir", runs, "--checkpoint.store", url, *options)


def complete(stored: RemoteRun) -> list[int]:
    return [step_of(name) for name, whole in stored.checkpoints().items() if whole]


class Nodes:
    """Two of them, each a torchrun with a folder of its own."""

    def __init__(self, folder: Path, *options: object) -> None:
        endpoint = f"127.0.0.1:{free_port()}"
        launcher = ["-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1", "--rdzv-id", "two"]
        launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", endpoint, "--local-addr", "127.0.0.1"]
        self.folders = [folder / letter for letter in "ab"]
        self.processes = []
        for runs in self.folders:
            runs.mkdir(parents=True)
            command = [
                sys.executable,
                *launcher,
                "-m",
                "torchferry.training",
                *map(str, options),
                "--runs_dir",
                str(runs),
            ]
            with (runs / "log").open("wb") as log:
                process = subprocess.Popen(
                    command,
                    cwd=ROOT,
                    env=os.environ | warm_workers(),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            self.processes.append(process)

    @property
    def log(self) -> str:
        return "".join((runs / "log").read_text() for runs in self.folders)

    def end(self) -> None:
        try:
            assert [process.wait(120) for process in self.processes] == [0, 0], self.log
        finally:
            self.kill()

    def kill(self) -> None:
        everything = [psutil.Process(process.pid) for process in self.processes if process.poll() is None]
        everything += [child for process in everything for child in process.children(recursive=True)]
        for process in everything:
            process.kill()
        for launcher in self.processes:
            launcher.wait()
        psutil.wait_procs(everything, 60)

    def vanish(self) -> None:
        """As machines do, with all that runs and lies on them."""
        self.kill()
        for runs in self.folders:
            shutil.rmtree(runs)


@pytest.mark.torchrun
def test_nodes_that_share_nothing_and_vanish_end_as_if_nothing_had_happened(
    stored: RemoteRun, bucket: str, tmp_path: Path
) -> None:
    saves = ("--epochs", 3, "--checkpoint.every_steps", 4, "--checkpoint.keep", 1)
    # No score is that much better than the first one, so in the end the first is fetched as well.
    best = ("--checkpoint.export", "best", "--early_stopping.min_gain", 1)
    options = (*PLAIN, "--deterministic", "true", *saves, *best, "--checkpoint.store")
    whole = Nodes(tmp_path / "whole", *options, f"{bucket}/whole")
    whole.end()
    nodes = Nodes(tmp_path / "first", *options, bucket)
    try:
        wait_until(lambda: bool(complete(stored)), 120)
    finally:
        nodes.vanish()
    assert stored.results() is None
    nodes = Nodes(tmp_path / "second", *options, bucket)
    nodes.end()
    assert "goes on after step" in nodes.log

    one, other = RemoteRun(ObjectStore(f"{bucket}/whole"), "digits"), stored
    mine, theirs = state_of(one, tmp_path / "one"), state_of(other, tmp_path / "other")
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        same = torch.equal(value, theirs[name]) if isinstance(value, torch.Tensor) else str(value) == str(theirs[name])
        assert same, name

    for url, name in ((f"{bucket}/whole", "one"), (bucket, "other")):
        done = run_command("-m", "torchferry", "fetch", f"{url}/digits", "-o", tmp_path / "runs" / name)
        assert done.returncode == 0, done.stderr
    one_run, other_run = tmp_path / "runs" / "one", tmp_path / "runs" / "other"
    weights = "model/weights.safetensors"
    assert (one_run / weights).read_bytes() == (other_run / weights).read_bytes()
    assert figures(one_run) == figures(other_run)
    assert len((other_run / "attempts.jsonl").read_text().splitlines()) == 2
    assert {"config.yaml", "model", "curves.png"} <= {path.name for path in other_run.iterdir()}
    assert [step_of(name) for name in stored.checkpoints()] == [66, 22]
    # On the disks there is what was fetched, and no part of what was saved since.
    for runs in nodes.folders:
        names = {path.name for path in (runs / "digits" / "checkpoints").iterdir()}
        assert "step-00000022" in names
        assert len(names) <= 2
        assert "step-00000066" not in names


def state_of(stored: RemoteRun, folder: Path) -> dict[str, Any]:
    """Everything in the newest checkpoint."""
    there = stored.checkpoint(next(iter(stored.checkpoints())))
    checksums = there.checksums()
    assert checksums is not None
    there.get(checksums, folder)
    dcp_to_torch_save(folder, folder / "state.pt")
    return dict(entries(torch.load(folder / "state.pt", weights_only=False)))


def figures(run: Path) -> list[tuple[Any, ...]]:
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [(row["kind"], row["step"], row["loss"]) for row in rows]


def test_what_a_kill_or_the_store_has_damaged_is_passed_over(stored: RemoteRun, bucket: str, tmp_path: Path) -> None:
    assert train(tmp_path / "first", bucket).returncode == 0
    assert complete(stored) == [30, 22, 20, 10]
    newest, before, *_ = stored.checkpoints()
    # As a kill leaves it that came before the last upload, and then half a file.
    stored.store.remove(f"{stored.checkpoint(newest).name}/checksums.json")
    part = f"{stored.checkpoint(before).name}/__0_0.distcp"
    stored.store.write(part, (stored.store.read(part) or b"")[:1000])
    done = train(tmp_path / "second", bucket, "--max_steps", 33)
    assert done.returncode == 0, done.stderr
    assert f"{newest}: is not a complete checkpoint; trying the checkpoint before it" in done.stderr
    assert f"{before}/__0_0.distcp: is damaged (its checksum differs); trying the checkpoint before it" in done.stderr
    assert "goes on after step 20" in done.stdout
    assert complete(stored) == [33, 30, 22, 20, 10]
    assert not {newest, before} & stored.checkpoints().keys()
    # A pod that is started once more, with an empty disk.
    again = train(tmp_path / "third", bucket, "--max_steps", 33)
    assert f"is finished, at step 33; in {bucket}/digits" in again.stdout
    for name in stored.checkpoints():
        stored.store.write(f"{stored.checkpoint(name).name}/state.json", b"{}")
    refused = train(tmp_path / "fourth", bucket, "--max_steps", 40)
    assert refused.returncode == 2
    assert f"{bucket}/digits/checkpoints: holds no whole checkpoint" in refused.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("s3://no-such-bucket/runs", 2, "checkpoint.store: cannot write s3://no-such-bucket/runs/digits"),
        ("nowhere://x", 2, "nowhere://x: cannot be used: ValueError: Protocol not known: nowhere"),
        ("runs", 2, "checkpoint.store: 'runs' is no URL of a folder"),
        ("unreachable", 1, "checkpoint.store: cannot read s3://bucket/digits/checkpoints: EndpointConnectionError"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_line_before_training(
    url: str, code: int, words: str, server: Server, tmp_path: Path
) -> None:
    if url == "unreachable":
        server.stop()
        url = "s3://bucket"
    done = train(tmp_path, url)
    assert done.returncode == code, done.stderr  # 2 is for what another try would not help
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not list(tmp_path.iterdir())


def test_what_nobody_waits_for_is_no_traceback(stored: RemoteRun, caplog: pytest.LogCaptureFixture) -> None:
    """aiohttp leaves such a task where a connection closes just before an upload, which has an error of its own."""

    async def fail() -> None:
        raise ConnectionResetError("Cannot write to closing transport")

    async def abandon() -> None:
        asyncio.get_running_loop().create_task(fail())
        await asyncio.sleep(0.01)

    asyncio.run_coroutine_threadsafe(abandon(), stored.store.files.loop).result(60)
    assert not caplog.records


@pytest.mark.parametrize("policy", ["continue", "stop"])
def test_a_store_that_fails_is_said_and_harms_no_checkpoint(
    policy: str, server: Server, stored: RemoteRun, bucket: str, tmp_path: Path
) -> None:
    options = ("--epochs", 3, "--checkpoint.every_steps", 4, "--checkpoint.on_save_error", policy)
    command = [*PLAIN, *options, "--runs_dir", tmp_path, "--checkpoint.store", bucket]
    with subprocess.Popen(
        [warm_python(), "-m", "torchferry.training", *map(str, command)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(lambda: bool(complete(stored)) or process.poll() is not None)
        server.stop()
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert f"({bucket}/digits/checkpoints/step-" in errors
    assert "the checkpoints before it are untouched" in errors
    assert ("training goes on without it" if policy == "continue" else "training stops") in errors
    # Trained to its end, but the results could not be uploaded either.
    assert ("cannot take the results" in errors) == (policy == "continue")
    assert "Traceback" not in errors
    assert not list((tmp_path / "digits" / "checkpoints").glob(".*"))
